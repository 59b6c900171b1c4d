# One image for all four services; what a container runs is its command.
FROM python:3.13-slim

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONWARNINGS=ignore:::nameko.cli.main,ignore:::nameko.cli.commands

RUN useradd --system --uid 10001 --user-group --no-create-home expedite
WORKDIR /expedite

COPY requirements.lock .
RUN pip install --no-cache-dir --require-hashes -r requirements.lock

COPY . .
# Now, since a container's files cannot be written.
RUN python -m compileall -q .
# By its number, since Kubernetes cannot tell from a name that it is not root.
USER 10001:10001
CMD ["nameko", "run", "--config", "config.yml", "order_service"]

"""What stands in front of the services on Kubernetes is what deploy/proxy/haproxy.cfg is elsewhere: the same
routes, bounds and rules, said in the words of HAProxy Ingress. HAProxy itself reads what the controller would hand
on to it; the controller does not run here.
"""

import itertools
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support import chart
from tests.support.chart import CHART
from tests.support.expedite import ROOT
from tests.support.packages import program

LINES = [line.strip() for line in (ROOT / "deploy/proxy/haproxy.cfg").read_text().splitlines()]
DIRECTIVES = [line.partition(" # ")[0].rstrip() for line in LINES if line and not line.startswith("#")]
CONTROLLER: dict[str, str] = chart.read(CHART / "ingress-controller.yaml")["controller"]["config"]
ANNOTATION = "haproxy-ingress.github.io/"

#: Settings of haproxy.cfg that have a word of their own: theirs, and the controller's.
SAID_OTHERWISE = {
    "maxconn": "max-connections",
    "hard-stop-after": "timeout-stop",
    "ssl-default-bind-options": "ssl-options",
    "ssl-default-bind-ciphers": "ssl-ciphers",
    "timeout http-request": "timeout-http-request",
    "timeout http-keep-alive": "timeout-keep-alive",
    "timeout client": "timeout-client",
    "timeout connect": "timeout-connect",
    "timeout queue": "timeout-queue",
    "log-format": "http-log-format",
}
#: What is in the annotations of each Ingress, or is done by Kubernetes or the controller: who runs, where it
#: listens, which processes there are and whether they live, and what is sent where.
ELSEWHERE = re.compile(
    r"log (stdout|global)|uid|gid|mode http|bind|option (dontlognull|httpchk)|server-template|resolvers"
    r"|parse-resolv-conf|hold|frontend|backend|global|defaults|acl|use_backend|default_backend"
    r"|no option http-buffer|timeout server|http-request redirect|http-request deny deny_status (404|413)"
    r"|http-request set-header X-Forwarded|http-response set-header Strict-Transport-Security"
)


def test_every_setting_of_the_proxy_is_carried_over() -> None:
    verbatim = {
        line.strip()
        for name, text in CONTROLLER.items()
        if name.startswith("config-")
        for line in text.splitlines()
    }
    for directive in DIRECTIVES:
        word = next((word for word in SAID_OTHERWISE if directive.startswith(f"{word} ")), None)
        if word:
            assert CONTROLLER[SAID_OTHERWISE[word]] == directive.removeprefix(word).strip(), directive
        elif not ELSEWHERE.match(directive):
            assert directive in verbatim, directive
    added = verbatim - set(DIRECTIVES)
    assert added == set()


def annotations(kind: str) -> dict[str, str]:
    found = chart.named(chart.objects("chain", CHART), "Ingress", f"expedite-{kind}")["metadata"]["annotations"]
    return {name.removeprefix(ANNOTATION): value for name, value in found.items()}


def test_what_holds_for_a_path_or_a_service_is_carried_over() -> None:
    text = "\n".join(DIRECTIVES)
    [body] = re.findall(r"req\.body_size gt (\d+)", text)
    [alpn] = re.findall(r"alpn (\S+)", text)
    [code] = re.findall(r"redirect code (\d+)", text)
    [age] = re.findall(r"Strict-Transport-Security max-age=(\d+)", text)
    assert CONTROLLER["ssl-redirect-code"] == code
    # X-Forwarded-For is what the proxy was called by, and nothing that stood there.
    assert CONTROLLER["forwardfor"] == "add"
    for kind, backend in (("pages", "order"), ("streams", "streams")):
        found = annotations(kind)
        section = text.partition(f"backend {backend}\n")[2].partition("\nbackend ")[0]
        [connections] = re.findall(r"maxconn (\d+)", section)
        [timeout] = re.findall(r"timeout server (\d+s)", section) or [CONTROLLER["timeout-server"]]
        assert found == {
            "path-type": "regex",
            "proxy-body-size": body,
            "ssl-redirect": "true",
            "hsts": "true",
            "hsts-max-age": age,
            "tls-alpn": alpn,
            "timeout-server": timeout,
            "maxconn-server": connections,
        }
    [timeout] = re.findall(r"^timeout server (\d+s)$", text.partition("backend ")[0], re.MULTILINE)
    assert CONTROLLER["timeout-server"] == timeout


def acls() -> dict[str, list[re.Pattern[str]]]:
    """haproxy.cfg's rules of what is public, by the part of their names behind is_."""
    found = [re.fullmatch(r"acl is_(\w+) +path_reg (.+)", line) for line in DIRECTIVES]
    return {each[1]: [re.compile(one) for one in each[2].split()] for each in found if each}


def elsewhere(rules: dict[str, list[re.Pattern[str]]], path: str) -> str | None:
    """Where haproxy.cfg sends a path: the name of a Service here, or None for nobody."""
    names = {"stream": "tracking-streams", "kitchens": "kitchen-streams"}
    if path == "/orders/stuck":
        return None
    for rule in ("stream", "kitchens", "kitchen", "tracking", "notifier", "order"):
        if any(expression.search(path) for expression in rules[rule]):
            return names.get(rule, rule)
    return None


def routes() -> list[tuple[re.Pattern[str], str]]:
    """The paths of both Ingresses, as expressions from a path's beginning, and the Service of each."""
    among = chart.objects("chain", CHART)
    return [
        (re.compile(path["path"]), path["backend"]["service"]["name"].removeprefix("expedite-"))
        for ingress in chart.of_kind(among, "Ingress")
        for path in ingress["spec"]["rules"][0]["http"]["paths"]
    ]


WORDS = sorted(
    {word for line in DIRECTIVES if line.startswith("acl ") for word in re.findall(r"[a-z][a-z-]+", line)}
    | {"health", "live", "ready", "metrics", "stuck", "ORD_20261122_001", "1", "a.js", "openapi.json"}
    | {
        "dashboard.csv",
        "asyncapi.json",
        "kitchen.json",
        "order.json",
        "tracking.json",
        "notifier.json",
        "Orders",
        "",
    }
)


def test_every_path_is_whose_it_is_elsewhere_and_one_rule_says_so() -> None:
    rules, here = acls(), routes()
    assert set(rules) == {"stream", "kitchens", "kitchen", "tracking", "notifier", "order"}
    deep = [("orders", "board", "menu", "static", "webhooks"), WORDS, WORDS]
    paths = [
        "/" + "/".join(words)
        for segments in ([WORDS], [WORDS, WORDS], deep, [("orders", "board"), ("1",), WORDS, ("x", "stream")])
        for words in itertools.product(*segments)
    ]
    seen = set()
    for path in ["/", *paths]:
        found = [service for expression, service in here if expression.match(path)]
        wanted = elsewhere(rules, path)
        assert found == ([wanted] if wanted else []), path
        seen.add(wanted)
    assert seen == {None, *(service for _, service in here)}


@pytest.mark.parametrize("path", ["/metrics", "/health", "/health/ready", "/orders/stuck", "/static/../metrics"])
def test_what_is_inside_stays_inside(path: str) -> None:
    assert [service for expression, service in routes() if expression.match(path)] == []


def configuration(folder: Path) -> str:
    """About what the controller makes of its settings and of the Ingresses."""

    def snippet(name: str) -> str:
        return "\n".join(f"    {line}" for line in CONTROLLER[name].splitlines())

    timeouts = "\n".join(
        f"    timeout {word} {CONTROLLER[key]}"
        for word, key in (
            ("http-request", "timeout-http-request"),
            ("http-keep-alive", "timeout-keep-alive"),
            *((word, f"timeout-{word}") for word in ("client", "connect", "queue", "server")),
        )
    )
    backends, uses = [], []
    for number, (expression, service) in enumerate(routes()):
        uses.append(
            f"    acl path{number} path_reg ^{expression.pattern}\n    use_backend {service} if path{number}"
        )
    for service in dict.fromkeys(service for _, service in routes()):
        bounds = annotations("streams" if service.endswith("-streams") else "pages")
        backends.append(
            f"backend {service}\n    timeout server {bounds['timeout-server']}\n"
            f"    http-request deny deny_status 413 if {{ req.body_size gt {bounds['proxy-body-size']} }}\n"
            f"    server pod 127.0.0.1:9 maxconn {bounds['maxconn-server']}"
        )
    return f"""global
    maxconn {CONTROLLER["max-connections"]}
    hard-stop-after {CONTROLLER["timeout-stop"]}
    ssl-default-bind-options {CONTROLLER["ssl-options"]}
    ssl-default-bind-ciphers {CONTROLLER["ssl-ciphers"]}
    log stdout format raw daemon
{snippet("config-global")}
defaults
    log global
    mode http
    option redispatch
{timeouts}
{snippet("config-defaults")}
{CONTROLLER["config-sections"]}
frontend public
    bind unix@{folder}/public
    log-format {CONTROLLER["http-log-format"]}
{snippet("config-frontend-early")}
    option forwardfor
{chr(10).join(uses)}
{chr(10).join(backends)}
"""


def checked(folder: Path, text: str) -> "subprocess.CompletedProcess[str]":
    path, libraries = program("haproxy", "haproxy")
    (folder / "haproxy.cfg").write_text(text)
    return subprocess.run(
        [path, "-c", "-f", folder / "haproxy.cfg"],
        env={"LD_LIBRARY_PATH": libraries},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_haproxy_takes_what_the_controller_hands_on(tmp_path: Path) -> None:
    text = configuration(tmp_path)
    good = checked(tmp_path, text)
    assert good.returncode == 0, good.stderr
    for right, wrong in (("(?!stuck$)", "(?!stuck$"), ("conn_rate(10s)", "conn_rates(10s)")):
        assert right in text
        assert checked(tmp_path, text.replace(right, wrong)).returncode == 1


def test_annotations_are_only_of_this_controller() -> None:
    for each in chart.of_kind(chart.objects("chain", CHART), "Ingress"):
        found: dict[str, Any] = each["metadata"]["annotations"]
        assert all(name.startswith(ANNOTATION) for name in found)
        assert each["spec"]["ingressClassName"] == "haproxy"
        assert each["spec"]["tls"] == [{"hosts": ["orders.example.com"], "secretName": "expedite-tls"}]

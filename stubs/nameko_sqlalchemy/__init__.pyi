from nameko_sqlalchemy.database import Database as Database

DB_URIS_KEY: str

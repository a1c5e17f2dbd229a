"""Every setting, read from the environment; `ops.up` fills it in for the embedded system."""

import os
import secrets
from ipaddress import ip_network
from pathlib import Path

from csp.constants import NONE, SELF

from ops.environment import artefact_storage, broker_url, database

BASE_DIR = Path(__file__).resolve().parent.parent
ZENITH_HOME = Path(os.environ.get("ZENITH_HOME", BASE_DIR / ".zenith"))

SECRET_KEY = os.environ.get("ZENITH_SECRET_KEY") or secrets.token_urlsafe(48)
DEBUG = os.environ.get("ZENITH_DEBUG") == "1"
ALLOWED_HOSTS = os.environ.get("ZENITH_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]").split(",")
CSRF_TRUSTED_ORIGINS = [o for o in os.environ.get("ZENITH_TRUSTED_ORIGINS", "").split(",") if o]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "channels",
    "csp",
    "django_htmx",
    "ops",
    "ops.accounts",
    "ops.live",
    "ops.console",
    "constellation",
    "constellation.contacts",
    "telemetry",
    "telemetry.alarms",
    "uplink.registry",
    "uplink.releases",
    "uplink.transfers",
    "uplink.commands",
    "uplink.inference",
    "uplink.conduct",
    "uplink.rollouts",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "ops.static_files.StaticFiles",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "ops.api.refusals",
]
ROOT_URLCONF = "ops.urls"
ASGI_APPLICATION = "ops.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "ops.console.context.console",
            ],
        },
    },
]

DATABASES = {"default": database(os.environ)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["ops.accounts.roles.RoleBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "/login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/login"
# Cookies do not know ports: two Zeniths on one machine must not sign each other out.
SESSION_COOKIE_NAME = os.environ.get("ZENITH_SESSION_COOKIE", "zenith_session")
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = os.environ.get("ZENITH_HTTPS") == "1"

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
LANGUAGE_CODE = "en"

STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
APPEND_SLASH = False
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "worker-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "ops.accounts.authentication.KeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["ops.permissions.NamedPermission"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["ops.parsers.Json"],
    "EXCEPTION_HANDLER": "ops.api.problem_of",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}

# --- Celery: the broker carries ids, the database carries the truth ---------------------------

REDIS_URL = broker_url(os.environ)
CELERY_BROKER_URL = os.environ.get("BROKER_URL", REDIS_URL)
CELERY_TASK_IGNORE_RESULT = True
# Celery would close the database's connection before and after each task: every batch of telemetry
# would wait for a new server process. `ops/celery.py` looks whether it is sound instead.
CELERY_DB_REUSE_MAX = 1_000_000_000
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "UTC"
CELERY_TASK_DEFAULT_QUEUE = "ticks"
CELERY_TASK_ROUTES = {
    "uplink.conduct.tasks.*": {"queue": "contacts"},
    # Those of contacts in which somebody waits for an answer go to "answers" instead.
    "telemetry.tasks.decode_*": {"queue": "decoding"},
    "telemetry.tasks.replay_*": {"queue": "planning"},
    "constellation.contacts.tasks.plan_*": {"queue": "planning"},
    "constellation.tasks.compute_*": {"queue": "planning"},
}
# A killed worker's tasks come back after 16 s with these, after 102 s without.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 15 * 60,
    "unacked_restore_throttle": 1,
    "unacked_restore_interval": 5,
    "queue_order_strategy": "priority",  # a worker's queues in the order it names them
    "socket_keepalive": True,
    "health_check_interval": 10,
    "socket_timeout": 20,
}

# --- Zenith's own -----------------------------------------------------------------------------

ZENITH_SIMULATOR = os.environ.get("ZENITH_SIMULATOR", "127.0.0.1:7800")
ZENITH_SIMULATOR_CONTROL = os.environ.get("ZENITH_SIMULATOR_CONTROL", "127.0.0.1:7801")
ZENITH_BULK_UPLINKS = int(os.environ.get("ZENITH_BULK_UPLINKS", "2"))
# Rollouts whose creator does not ask for a second person's approval need one all the same.
ZENITH_ROLLOUT_APPROVAL = os.environ.get("ZENITH_ROLLOUT_APPROVAL", "0") == "1"
# A new element set that moves a booked AOS by more than this moves the contact.
ZENITH_AOS_LIMIT_S = float(os.environ.get("ZENITH_AOS_LIMIT_S", "5"))
# Networks inside which webhooks of alarms may go, such as 10.1.0.0/16; elsewhere only public ones.
ZENITH_WEBHOOK_NETWORKS = [
    ip_network(each) for each in os.environ.get("ZENITH_WEBHOOK_NETWORKS", "").split(",") if each
]
# Where e-mail about alarms goes; without a host there is none.
EMAIL_HOST = os.environ.get("ZENITH_SMTP_HOST", "")
EMAIL_PORT = int(os.environ.get("ZENITH_SMTP_PORT", "25"))
EMAIL_HOST_USER = os.environ.get("ZENITH_SMTP_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("ZENITH_SMTP_PASSWORD", "")
EMAIL_USE_TLS = os.environ.get("ZENITH_SMTP_TLS", "") == "starttls"
EMAIL_USE_SSL = os.environ.get("ZENITH_SMTP_TLS", "") == "tls"
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = os.environ.get("ZENITH_MAIL_FROM", "zenith@localhost")
# How many days of mission time what came down is kept; 0 is for ever. What raw batches hold is in
# packets too, what packets hold in segments, and what segments hold in roll-ups.
ZENITH_KEEP_DAYS = {
    "raw_batches": float(os.environ.get("ZENITH_KEEP_RAW_BATCHES_DAYS", "30")),
    "packets": float(os.environ.get("ZENITH_KEEP_PACKETS_DAYS", "0")),
    "segments": float(os.environ.get("ZENITH_KEEP_SEGMENTS_DAYS", "0")),
    # What a replay hides, from the day on which it is complete.
    "superseded": float(os.environ.get("ZENITH_KEEP_SUPERSEDED_DAYS", "30")),
    "gaps": float(os.environ.get("ZENITH_KEEP_CLOSED_GAPS_DAYS", "365")),
    "rollups_60": float(os.environ.get("ZENITH_KEEP_MINUTE_ROLLUPS_DAYS", "0")),
    "rollups_600": float(os.environ.get("ZENITH_KEEP_TEN_MINUTE_ROLLUPS_DAYS", "0")),
}
ARTEFACT_ROOT = ZENITH_HOME / "artefacts"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    "artefacts": artefact_storage(os.environ),
}
COMMAND_KEY_FILE = ZENITH_HOME / "keys" / "command-master.key"
DIRECTOR_KEY_FILE = ZENITH_HOME / "keys" / "director.key"
# Keys that sign releases, made there for development when there are none. Where they are elsewhere
# (on media that people carry), only what they signed is sent up.
RELEASE_KEYS = os.environ.get("ZENITH_RELEASE_KEYS") or ZENITH_HOME / "keys" / "releases"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("ZENITH_LOG_LEVEL", "INFO")},
    "loggers": {
        "httpx": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
        "tuf": {"level": "WARNING"},
    },
}

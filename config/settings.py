"""All settings, driven by environment variables; `.env.example` documents every one of them.

Defaults suit a developer's machine and are safe on it: loopback only, no DEBUG, a random key kept under `var/`.
With BOTYARD_ENV=production nothing that matters has a default: a missing or careless value stops the start.
"""

import secrets
from pathlib import Path
from urllib.parse import unquote

from celery.schedules import schedule
from django.core.exceptions import ImproperlyConfigured

from config import embedded
from config.env import BASE_DIR, env, var_dir

ENVIRONMENT = env.str("BOTYARD_ENV", "development")
if ENVIRONMENT not in {"development", "production"}:
    raise ImproperlyConfigured(f"BOTYARD_ENV must be development or production, not {ENVIRONMENT!r}")
PRODUCTION = ENVIRONMENT == "production"
VAR_DIR = var_dir()


def _secret_key() -> str:
    """The key from the environment; on a development machine else a random one, made once."""
    key = str(env.str("SECRET_KEY", ""))
    if PRODUCTION:
        if len(key) < 50 or len(set(key)) < 5 or key.startswith(("change-me", "django-insecure", "dev")):
            raise ImproperlyConfigured(
                "SECRET_KEY must be set to a random value of at least 50 characters in production"
            )
        return key
    if key:
        return key
    kept = VAR_DIR / "secret_key"
    if not kept.exists():
        VAR_DIR.mkdir(parents=True, exist_ok=True)
        kept.touch(mode=0o600)
        kept.write_text(f"dev-{secrets.token_urlsafe(64)}")
    return kept.read_text()


SECRET_KEY = _secret_key()
DEBUG = env.bool("DEBUG", False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[] if PRODUCTION else ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
if PRODUCTION:
    if DEBUG:
        raise ImproperlyConfigured("DEBUG must be off in production")
    if not ALLOWED_HOSTS or "*" in ALLOWED_HOSTS:
        raise ImproperlyConfigured("ALLOWED_HOSTS must list this deployment's host names in production, not *")

# --- Django -----------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "knox",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "config",
    "accounts",
    "trading",
    "bots",
    "dashboard",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en"
USE_I18N = False
DATETIME_FORMAT = "Y-m-d H:i:s"
TIME_ZONE = "UTC"
USE_TZ = True

# --- Data -------------------------------------------------------------------------------------------------------

DATABASES = {"default": env.db("DATABASE_URL") if env.str("DATABASE_URL", "") else embedded.database_settings(VAR_DIR)}
DATABASES["default"]["HOST"] = unquote(str(DATABASES["default"]["HOST"]))  # a socket's folder is written %2Ftmp%2F...
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
REDIS_URL = env.str("REDIS_URL", "") or embedded.redis_url(VAR_DIR)
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}

MARKET_DATA_ROOT = Path(env.str("MARKET_DATA_ROOT", "") or VAR_DIR / "data")
ARTIFACT_ROOT = Path(env.str("ARTIFACT_ROOT", "") or VAR_DIR / "artifacts")
STRATEGY_TEMPLATE_DIR = BASE_DIR / "strategy_templates"

# --- Identity and transport security ------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "dashboard:login"
LOGIN_REDIRECT_URL = "/"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", PRODUCTION)
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", 31_536_000 if PRODUCTION else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = PRODUCTION
SECURE_REFERRER_POLICY = "same-origin"
if env.bool("BEHIND_TLS_PROXY", False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024

# --- Static files (served by the ASGI process itself) ---------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
SERVESTATIC_USE_FINDERS = not PRODUCTION
if PRODUCTION:
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "servestatic.storage.CompressedManifestStaticFilesStorage"},
    }

# --- REST API -----------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["config.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["config.parsers.JSONParser"],
    "DEFAULT_FILTER_BACKENDS": [
        "django_filters.rest_framework.DjangoFilterBackend",
        "rest_framework.filters.SearchFilter",
        "accounts.filters.StrictOrderingFilter",
    ],
    "DEFAULT_PAGINATION_CLASS": "config.pagination.Pages",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": [
        "config.throttling.AnonymousThrottle",
        "config.throttling.UserThrottle",
    ],
    "DEFAULT_THROTTLE_RATES": {
        "anon": env.str("THROTTLE_ANONYMOUS", "60/min"),
        "user": env.str("THROTTLE_USER", "6000/min"),
        "login": env.str("THROTTLE_LOGIN", "10/min"),
    },
    "EXCEPTION_HANDLER": "config.problems.exception_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
REST_KNOX = {
    "TOKEN_TTL": None,  # set per token by the login view
    "AUTH_HEADER_PREFIX": "Token",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Botyard API",
    "DESCRIPTION": "Backtests and live runs of trading bots on MetaTrader 5.",
    "VERSION": "0.1.0",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "config.openapi.document_problems",
    ],
    "ENUM_NAME_OVERRIDES": {
        "BacktestStatusEnum": "bots.models.BacktestRun.Status",
        "LiveStatusEnum": "bots.models.LiveRun.Status",
    },
}

# --- Celery: the row in PostgreSQL is the queue of record, Redis only carries ids -----------------------------------

CELERY_BROKER_URL = REDIS_URL
if REDIS_URL.startswith("unix://"):
    CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1).replace("?db=", "?virtual_host=")
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "UTC"
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {
    "bots.tasks.run_backtest": {"queue": "backtests"},
    "bots.tasks.live_loop": {"queue": "live"},
}
# A message is acknowledged before the task runs: a late acknowledgement would make Redis deliver every task that
# outlasts the visibility timeout a second time. What must run is known by its row, and `recover_runs` re-sends it.
CELERY_TASK_ACKS_LATE = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_keepalive": True, "health_check_interval": 25}
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 10
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 1_500_000  # KiB; the strategy's own memory is in its child process
CELERY_WORKER_SEND_TASK_EVENTS = True  # Flower
CELERY_TASK_SEND_SENT_EVENT = True
RECOVERY_EVERY_S = env.int("RECOVERY_EVERY_S", 10)
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "celerybeat-schedule")
CELERY_BEAT_SCHEDULE = {
    "recover-runs": {
        "task": "bots.tasks.recover_runs",
        "schedule": schedule(RECOVERY_EVERY_S),
        "options": {"expires": RECOVERY_EVERY_S},  # a stopped worker must not find a thousand of them
    },
}

# --- Runs: who owns one, for how long (reference: docs/architecture.md, "Leases") -----------------------------------

RUN_LEASE_S = env.int("RUN_LEASE_S", 20)
RUN_HEARTBEAT_S = env.float("RUN_HEARTBEAT_S", 5.0)
RUN_UNCLAIMED_S = env.int("RUN_UNCLAIMED_S", 15)  # a PENDING run nobody claimed for so long is sent again
BACKTEST_MAX_ATTEMPTS = env.int("BACKTEST_MAX_ATTEMPTS", 3)
BACKTEST_WALL_CLOCK_S = env.int("BACKTEST_WALL_CLOCK_S", 3600)
STRATEGY_CHECK_WALL_CLOCK_S = env.int("STRATEGY_CHECK_WALL_CLOCK_S", 20)

# --- Logging ------------------------------------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname:<7} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {"httpx": {"level": "WARNING"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", "INFO")},
}

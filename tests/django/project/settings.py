"""A shop's settings. The databases are those in PROJECT_DATABASES, each alias with a URL."""

import json
import os

from tests.support.django_settings import django_database


def databases():
    urls = json.loads(os.environ.get("PROJECT_DATABASES", '{"default": "sqlite:///site.db"}'))
    return {alias: django_database(url) for alias, url in urls.items()}


SECRET_KEY = "not-a-real-secret-of-a-site-that-is-only-for-tests"
DEBUG = False
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = os.environ.get("PROJECT_URLCONF", "tests.django.project.urls")
DATABASES = databases()
USE_TZ = True
TIME_ZONE = "Asia/Ho_Chi_Minh"
#: As with ``pytest --nomigrations``.
MIGRATION_MODULES = {"paykit": None} if "PROJECT_UNMIGRATED" in os.environ else {}
STATIC_URL = "/static/"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "paykit.django",
]
MIDDLEWARE = [
    "django.middleware.gzip.GZipMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
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
            ]
        },
    }
]
PAYKIT = {
    "PROVIDERS": {
        "vnpay": {"tmn_code": "SHOP0001", "hash_secret": "VNPAY-TEST-SECRET"},
        "momo": {
            "partner_code": "MOMOSHOP",
            "access_key": "ACCESS",
            "secret_key": "MOMO-TEST-SECRET",
            "notify_url": "https://shop.example/pay/webhooks/momo",
        },
    },
    "RETURN_TO": "https://shop.example/thanks?lang=vi",
    "OPTIONS": {
        "max_body": 64 * 1024,
        "body_seconds": float(os.environ.get("PROJECT_BODY_SECONDS", "20")),
    },
}

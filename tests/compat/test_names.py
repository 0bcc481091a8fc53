"""Every public name of Gramex 1.94.5 is there, or says what to write instead."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.functions import alias

NAMES: Mapping[str, str] = {
    "gramex": """
        ChainConfig PathConfig app_log appconfig callbacks commandline conf config config_layers console
        gramex_update help init ioloop_running log parse_command_line paths prune_keys setup_secrets
        setup_variables shutdown variables
    """,
    "gramex.cache": """
        HDF5Store JSONStore KeyStore RedisStore SQLiteStore Subprocess cache_key daemon get_store hashed
        hashfn open open_callback opener query read_excel reload_module save sizeof stat urlfetch
    """,
    "gramex.config": """
        ChainConfig ConfigYAMLLoader CustomJSONDecoder CustomJSONEncoder PathConfig TimedRotatingCSVHandler
        app_log app_log_extra ioloop_running load_imports locate merge objectpath prune_keys random_string
        recursive_encode setup_secrets setup_variables slug used_kwargs variables walk
    """,
    "gramex.data": """
        alter create_engine delete dirstat download filter filtercols get_engine get_table insert operators
        plugins update
    """,
    "gramex.handlers": """
        AuthHandler BaseHandler BaseMixin BaseWebSocketHandler Capture CaptureHandler ChatGPT ChatGPTHandler
        Comic ComicHandler Command CommentHandler Data DirectoryHandler DriveHandler Facebook
        FacebookGraphHandler File FileHandler Filter FilterHandler FormHandler Function FunctionHandler
        GoogleAuth JSON JSONHandler LogoutHandler Message MessageHandler ModelHandler OpenAPI OpenAPIHandler
        PPTXHandler ProcessHandler Proxy ProxyHandler Screenshot SetupFailedHandler SimpleAuth Slide Storage
        Twitter TwitterRESTHandler Upload UploadHandler WebSocketHandler Websocket authhandler basehandler
        capturehandler chatgpthandler comichandler drivehandler filehandler filterhandler formhandler
        functionhandler jsonhandler messagehandler modelhandler openapihandler pptxhandler processhandler
        proxyhandler socialhandler uploadhandler websockethandler
    """,
    "gramex.http": """
        ACCEPTED BAD_GATEWAY BAD_REQUEST CLIENT_TIMEOUT CONFLICT CONTINUE CREATED EXPECTATION_FAILED
        FAILED_DEPENDENCY FORBIDDEN FOUND GATEWAY_TIMEOUT GONE HTTP_VERSION_NOT_SUPPORTED IM_USED
        INSUFFICIENT_STORAGE INTERNAL_SERVER_ERROR LENGTH_REQUIRED LOCKED METHOD_NOT_ALLOWED
        MOVED_PERMANENTLY MULTIPLE_CHOICES MULTI_STATUS NON_AUTHORITATIVE_INFORMATION NOT_ACCEPTABLE
        NOT_EXTENDED NOT_FOUND NOT_IMPLEMENTED NOT_MODIFIED NO_CONTENT OK PARTIAL_CONTENT PAYMENT_REQUIRED
        PRECONDITION_FAILED PROCESSING PROXY_AUTHENTICATION_REQUIRED RATE_LIMITED
        REQUESTED_RANGE_NOT_SATISFIABLE REQUEST_ENTITY_TOO_LARGE REQUEST_TIMEOUT REQUEST_URI_TOO_LONG
        RESET_CONTENT SEE_OTHER SERVICE_UNAVAILABLE SWITCHING_PROTOCOLS TEMPORARY_REDIRECT TOO_MANY_REQUESTS
        UNAUTHORIZED UNPROCESSABLE_ENTITY UNSUPPORTED_MEDIA_TYPE UPGRADE_REQUIRED USE_PROXY
    """,
    "gramex.services": """
        AmazonSNS Exotel SMTPMailer Twilio alert app cache create_alert create_mail email emailer encrypt
        eventlog get_mailer gramexlog info log mime rediscache schedule shutdown sms sms_notifiers
        storelocations test threadpool ttlcache url urlcache version watch
    """,
    "gramex.transforms": """
        Header build_log_info build_pipeline build_transform condition ensure_single_session flattener
        handler handler_expr once sass scss template time_key ts
    """,
}
MISSING: Mapping[str, set[str]] = {
    "gramex": {"callbacks", "commandline", "gramex_update", "help", "init", "parse_command_line", "setup_secrets"},
    "gramex.cache": {"HDF5Store", "hashfn"},
    "gramex.config": {"ConfigYAMLLoader", "TimedRotatingCSVHandler", "load_imports", "setup_secrets"},
    "gramex.data": {"plugins"},
    "gramex.http": set(),
    "gramex.transforms": set(),
}
"""What says what to write instead. In `gramex.handlers` and `gramex.services` more is to come."""
HERE = {
    "gramex.handlers": """
        BaseHandler BaseWebSocketHandler Command Data DirectoryHandler DriveHandler File FileHandler Filter
        FilterHandler FormHandler Function FunctionHandler GoogleAuth JSON JSONHandler LogoutHandler
        ProcessHandler Proxy ProxyHandler SetupFailedHandler SimpleAuth Storage Upload UploadHandler
        WebSocketHandler Websocket basehandler drivehandler filehandler filterhandler formhandler
        functionhandler jsonhandler processhandler proxyhandler uploadhandler websockethandler authhandler
    """,
    "gramex.services": "info",
}


class NamesTests(SynchronousTestCase):
    def setUp(self) -> None:
        alias.install()
        self.addCleanup(alias.remove)

    def told(self, module: str, name: str) -> str:
        """What is said of a name that is not there; "" for one that is."""
        try:
            getattr(importlib.import_module(module), name)
        except AttributeError as error:
            return str(error)
        return ""

    def test_what_is_not_there_says_what_to_write(self) -> None:
        for module, names in NAMES.items():
            told = {name: self.told(module, name) for name in names.split()}
            if module in MISSING:
                self.assertEqual({name for name, text in told.items() if text}, MISSING[module], module)
            for name, text in told.items():
                if text:
                    self.assertRegex(text, rf"^{module}\.{name} is not part of gramex_twisted: \S.{{12}}")

    def test_handlers_and_services_that_are_here(self) -> None:
        for module, names in HERE.items():
            for name in names.split():
                if name.islower() and name.endswith("handler"):
                    importlib.import_module(f"{module}.{name}")
                else:
                    self.assertEqual(self.told(module, name), "")

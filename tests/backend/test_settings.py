"""What can be configured: values that are refused, where they come from, and how the program lists them."""

from importlib.metadata import version

import pytest
from signedin_backend import Settings, SettingsError, create_app
from signedin_backend.__main__ import main
from signedin_backend.settings import OPTIONS, read, shown

STRONG = "3f6a1c0b9d8e7f5a4b3c2d1e0f9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f1a"
NO_NUMBER = ["", "x", "-1", "1.5", "٣", "1e3", "9" * 5000]
NO_SWITCH = ["maybe", "", "2", "tru"]
NO_RATE = ["", "5", "0/1", "5/0", "a/b", "-1/60", "5/60/60"]
NO_NAME = ["", "a\nb", "a\0b"]
NO_NAMES = ["", " , "]
NO_NETWORK = ["", "proxy", "10.0.0.256", "10.0.0.1/8", "10.0.0.1,,10.0.0.2", "::1::", "*"]
RANGES = {
    "port": ["65536"], "access_ttl": ["0", "86401"], "refresh_ttl": ["0", "31536001"], "connections": ["15", "1000001"],
    "head_seconds": ["0", "601"], "body_limit": ["255", "1048577"], "body_seconds": ["0", "601"],
    "hash_memory": ["19455", "4194305"], "hash_passes": ["1", "101"], "hash_threads": ["0", "65"],
    "hash_queue": ["0", "100001"], "database_threads": ["0", "65"], "database_seconds": ["601"],
    "turn_seconds": ["0", "601"], "stop_seconds": ["0", "601"],
}  # fmt: skip
BAD = {
    "host": NO_NAME,
    "database": [
        *("", "  ", ":memory:", "sqlite://", "mysql://localhost/x", "postgresql+nodriver://h/x", "nonsense://x"),
        *("sqlite:///x.db?timeout=abc", "sqlite:///x.db?check_same_thread=zz", "sqlite:///x.db?foo=bar", "x.db?"),
        *("sqlite:///file:mem?mode=memory&uri=true", "sqlite://h/x.db", "sqlite://user@/x.db", "sqlite://:word@/x.db"),
        "x\0",
        *("postgresql://h", "postgresql://h:port/x", "postgresql://h/x?autocommit=1", "postgresql://h/x?row_factory=x"),
    ],
    "jwt_key": ["", "tiny", "x" * 64, "a1b2c3d4e5f60718" * 3, "password" * 3, "0123456789" * 3],
    "issuer": [*NO_NAME, "a,", "a,b\nc"],
    "audience": [*NO_NAME, ","],
    **dict.fromkeys(("grace", "rate_limit", "ledger"), NO_SWITCH),
    **dict.fromkeys(("account_rate", "account_network_rate", "address_rate"), NO_RATE),
    "rate_store": ["", "here", "memory://", "http://h:1", "redis://", "redis://h:port", "redis://h:99999/0", "redis://h/\n"],
    "trusted_hosts": [
        *(*NO_NAMES, "https://auth.example", "auth.example:8443", "*.example.com", "auth.example/", "a b", "-a", "a-"),
        *("::1", "[::1", "[::1]:80", "[0:0::1]", "[127.0.0.1]", "münchen.example", "ok.example,*.example.com"),
        "x" * 254,
    ],
    "allow_origin": [
        *(*NO_NAMES, "*", "null", "app.example", "https://", "https://app.example/", "https://app.example:443"),
        *("http://localhost:80", "https://*.example", "https://a b", "ftp://app.example", "https://app.example:0"),
        *("https://app.example:65536", "https://ada@app.example", "https://::1", "https://app.example,*"),
    ],
    "trusted_proxies": [*NO_NETWORK, "10.0.0.1,*", "0.0.0.0/0", "::/0", "::ffff:0.0.0.0/96"],
    "metrics_from": NO_NETWORK,
    "password_words": NO_NAMES,
    **{name: [*NO_NUMBER, *values] for name, values in RANGES.items()},
}  # fmt: skip


@pytest.mark.parametrize("name", [option.name for option in OPTIONS])
def test_a_bad_value_is_refused_by_the_name_of_its_option_and_a_key_not_quoted(name: str) -> None:
    variable = f"SIGNEDIN_BACKEND_{name.upper()}"
    for value in BAD[name]:
        with pytest.raises(SettingsError, match=rf"^{variable} (must|is) ") as refused:
            read({variable: value})
        assert name != "jwt_key" or not value or value not in str(refused.value)


@pytest.mark.parametrize("name", ["ACCESS_TTLS", "KEY", "access_ttl", ""])
def test_a_variable_that_is_no_option_is_refused_and_not_ignored(name: str) -> None:
    with pytest.raises(SettingsError, match=rf"^SIGNEDIN_BACKEND_{name} is no option; --help lists them$"):
        read({f"SIGNEDIN_BACKEND_{name}": "5", "SIGNEDIN_BACKEND_ACCESS_TTL": "5"})


def test_what_kubernetes_sets_for_a_service_of_our_name_is_no_option_and_what_resembles_it_is_refused() -> None:
    links = {
        "PORT": "tcp://10.96.0.12:5000", "SERVICE_HOST": "10.96.0.12", "SERVICE_PORT": "5000",
        "SERVICE_PORT_HTTP_ALT": "5000", "PORT_5000_TCP": "tcp://[fd00::12]:5000", "PORT_5000_TCP_PROTO": "tcp",
        "PORT_5000_UDP_PORT": "5000", "PORT_5000_SCTP_ADDR": "10.96.0.12", "DB_SERVICE_HOST": "10.96.0.12",
        "DB_PORT": "tcp://10.96.0.12:5432", "DB_PORT_5432_TCP_ADDR": "10.96.0.12",
    }  # fmt: skip
    assert read({f"SIGNEDIN_BACKEND_{name}": value for name, value in links.items()}) == Settings()
    for name, value in {"PORT": "tcp", "PORTS": "tcp://h:1", "SERVICE": "x", "PORT_5000": "tcp://h:5000"}.items():
        with pytest.raises(SettingsError, match=f"^SIGNEDIN_BACKEND_{name} "):
            read({f"SIGNEDIN_BACKEND_{name}": value})
    with pytest.raises(SettingsError, match=r"^--port must be"):
        read({}, {"port": "tcp://10.96.0.12:5000"})


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("trusted_hosts", "Auth.Example, 10.0.0.1", ("auth.example", "10.0.0.1")),
        ("trusted_hosts", "[::1],a_b.c-d.", ("[::1]", "a_b.c-d.")),
        ("trusted_hosts", "*", ("*",)),
        ("trusted_proxies", "10.0.0.1", "10.0.0.1/32"),
        ("trusted_proxies", "10.0.0.0/8, ::1", "10.0.0.0/8,::1/128"),
        ("trusted_proxies", "::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("allow_origin", "https://App.example,http://[::1]:8080", ("https://app.example", "http://[::1]:8080")),
        ("allow_origin", "http://localhost:3000", ("http://localhost:3000",)),
        ("allow_origin", "https://xn--mnchen-3ya.example", ("https://xn--mnchen-3ya.example",)),
    ],
)  # fmt: skip
def test_a_value_is_read_as_host_origin_or_network(name: str, text: str, value: object) -> None:
    assert getattr(read({f"SIGNEDIN_BACKEND_{name.upper()}": text}), name) == value


def test_the_command_line_goes_before_the_environment_and_that_before_the_default() -> None:
    environ = {"SIGNEDIN_BACKEND_ACCESS_TTL": "20", "SIGNEDIN_BACKEND_PORT": "6000", "DATABASE_URL": "sqlite:///a.db"}
    settings = read(environ, {"access_ttl": "10"})
    assert (settings.access_ttl, settings.port, settings.refresh_ttl) == (10, 6000, 2_592_000)
    assert settings.database == "sqlite:///a.db"
    assert read({**environ, "SIGNEDIN_BACKEND_DATABASE": "b.db"}).database == "sqlite:///b.db"
    with pytest.raises(SettingsError, match=r"^--access-ttl must"):
        read(environ, {"access_ttl": "0"})


def test_the_defaults_are_values_that_would_be_accepted_and_the_one_secret_is_not_shown() -> None:
    assert read({}) == Settings()
    assert {option.name for option in OPTIONS if option.metadata["secret"]} == {"jwt_key"}
    assert STRONG not in repr(read({"SIGNEDIN_BACKEND_JWT_KEY": STRONG}))


def test_a_server_database_needs_a_configured_key() -> None:
    with pytest.raises(SettingsError, match="SIGNEDIN_BACKEND_JWT_KEY is missing"):
        create_app(Settings(database="postgresql://localhost/x"))


def test_help_lists_every_option_with_its_default(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit, match=r"^0$"):
        main(["--help"])
    text = " ".join(capsys.readouterr().out.split())
    for option in OPTIONS:
        described = f"{' '.join(option.metadata['help'].split())} (default: {shown(option.default)})"
        assert (f"--{option.name.replace('_', '-')} " in text and described in text) != option.metadata["secret"]
    assert "SIGNEDIN_BACKEND_JWT_KEY" in text
    assert "SIGNEDIN_BACKEND_NAME" in text
    with pytest.raises(SystemExit, match=r"^0$"):
        main(["--version"])
    assert capsys.readouterr().out == f"signedin_backend {version('signedin')}\n"


def test_a_key_is_no_argument_and_is_not_quoted(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--jwt-key", STRONG], [STRONG]):
        with pytest.raises(SystemExit, match=r"^2$"):
            main(arguments)
        assert STRONG not in capsys.readouterr().err

"""Who we are to a real API server: kubeconfigs, ServiceAccount tokens that rotate, exec plug-ins."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import tempfile
import threading
import time
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import requests
import yaml
from msgspec import Struct
from pykube import KubeConfig
from pykube.exceptions import PyKubeError
from pykube.http import KubernetesHTTPAdapter

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
EXEC_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
EXEC_S = 30.0
EARLY_S = 60.0  # a credential is renewed this long before it expires


class BadConfig(Exception):
    """There is no usable configuration; the message says which file or setting, and what to do."""


def config_of(kubeconfig: str | Path | None) -> KubeConfig:
    """The named file, else the pod's ServiceAccount, else KUBECONFIG or ~/.kube/config. Raises BadConfig."""
    try:
        if kubeconfig is None and (SERVICE_ACCOUNT / "token").exists():
            config = KubeConfig.from_service_account(str(SERVICE_ACCOUNT))
            config.doc["users"][0]["user"] = {"tokenFile": str(SERVICE_ACCOUNT / "token")}
        else:
            config = KubeConfig.from_file(str(kubeconfig) if kubeconfig is not None else None)
        # Read now what would fail later, in a thread: context, cluster and user.
        _ = (config.cluster["server"], config.user)
    except (PyKubeError, OSError, KeyError, TypeError, yaml.YAMLError) as error:
        where = kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
        raise BadConfig(f"{where}: no usable cluster configuration: {error}. Name one with --kubeconfig.") from error
    return config


class _Credential(Struct, frozen=True):
    """What a plug-in gave: a token, or the files of a client certificate; good until `expires` (0: for ever)."""

    token: str = ""
    certificate: tuple[str, str] | None = None
    expires: float = 0.0


class Adapter(KubernetesHTTPAdapter):  # type: ignore[misc]  # pykube has no types
    """pykube's adapter with tokens that rotate (`tokenFile`), and exec plug-ins of v1, run once a credential."""

    cert: _Named | None
    key: _Named | None

    def __init__(self, config: KubeConfig) -> None:
        super().__init__(config)
        self._token: tuple[tuple[int, int], str] | None = None

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send; once more with a fresh credential if the server does not know ours (401)."""
        response: requests.Response = super().send(request, **options)
        if response.status_code == HTTPStatus.UNAUTHORIZED and self._forget(self.kube_config.user):
            response.close()
            request.headers.pop("Authorization", None)
            response = super().send(request, **options)
        return response

    def _setup_request_auth(self, config: KubeConfig, request: requests.PreparedRequest, options: Any) -> Any:
        user = config.user
        if "Authorization" in request.headers:
            return None
        if "tokenFile" in user:
            request.headers["Authorization"] = f"Bearer {self._token_of(Path(user['tokenFile']))}"
            return None
        if "exec" in user:
            credential = EXECUTED.credential(user["exec"], config.cluster)
            if credential.token:
                request.headers["Authorization"] = f"Bearer {credential.token}"
            pair = credential.certificate
            self.cert = _Named(pair[0]) if pair else None
            self.key = _Named(pair[1]) if pair else None
            return None
        return super()._setup_request_auth(config, request, options)

    def _forget(self, user: dict[str, Any]) -> bool:
        """Is there a fresher credential to be had?"""
        self._token = None
        if "exec" in user:
            EXECUTED.forget(user["exec"])
        return "tokenFile" in user or "exec" in user

    def _token_of(self, path: Path) -> str:
        """The file's token; read again when the file is another one (bound tokens rotate, by a new file)."""
        stat = path.stat()
        form = (stat.st_mtime_ns, stat.st_ino)
        if self._token is None or self._token[0] != form:
            self._token = (form, path.read_text().strip())
        return self._token[1]


class _Named:
    """What pykube asks of a certificate file: its name."""

    def __init__(self, name: str) -> None:
        self.name = name


class ExecPlugins:
    """Credentials from exec plug-ins (client.authentication.k8s.io), kept until they expire; shared by all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, _Credential] = {}

    def credential(self, wanted: dict[str, Any], cluster: dict[str, Any]) -> _Credential:
        """Run the plug-in, unless a credential of its is still good. Raises BadConfig."""
        name = json.dumps(wanted, sort_keys=True)
        with self._lock:
            kept = self._kept.get(name)
            if kept is None or (kept.expires and kept.expires - EARLY_S < time.time()):
                kept = self._kept[name] = self._run(wanted, cluster)
            return kept

    def forget(self, wanted: dict[str, Any]) -> None:
        with self._lock:
            self._kept.pop(json.dumps(wanted, sort_keys=True), None)

    def _run(self, wanted: dict[str, Any], cluster: dict[str, Any]) -> _Credential:
        command, version = wanted["command"], wanted.get("apiVersion", "")
        if version not in EXEC_VERSIONS:
            raise BadConfig(f"exec plug-in {command}: apiVersion {version!r} is not one of {', '.join(EXEC_VERSIONS)}")
        spec: dict[str, Any] = {"interactive": False}
        if wanted.get("provideClusterInfo"):
            spec["cluster"] = {"server": cluster["server"]}
        info = {"kind": "ExecCredential", "apiVersion": version, "spec": spec}
        variables = {each["name"]: each["value"] for each in wanted.get("env") or ()}
        environment = {**os.environ, **variables, "KUBERNETES_EXEC_INFO": json.dumps(info)}
        try:
            done = subprocess.run(
                [command, *(wanted.get("args") or ())], env=environment, capture_output=True, timeout=EXEC_S, check=True
            )
            return _read(json.loads(done.stdout)["status"])
        except (OSError, subprocess.SubprocessError, ValueError, KeyError) as error:
            said = getattr(error, "stderr", b"") or b""
            hint = wanted.get("installHint", "")
            text = f"exec plug-in {command}: {error} {said.decode('utf-8', 'replace').strip()} {hint}"
            raise BadConfig(text.strip()) from error


EXECUTED = ExecPlugins()


def _read(status: dict[str, Any]) -> _Credential:
    expires = status.get("expirationTimestamp")
    at = datetime.fromisoformat(expires).astimezone(UTC).timestamp() if expires else 0.0
    certificate, key = status.get("clientCertificateData"), status.get("clientKeyData")
    pair = (_file(certificate), _file(key)) if certificate and key else None
    if not status.get("token") and pair is None:
        raise ValueError("it gave neither a token nor a client certificate")
    return _Credential(status.get("token", ""), pair, at)


def _file(text: str) -> str:
    """A file with this text, for us alone; TLS libraries take certificates only from files."""
    name = hashlib.sha256(text.encode()).hexdigest()[:16]
    path = Path(tempfile.gettempdir()) / f"spo-{os.getuid()}-{name}.pem"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    return str(path)


def is_expired(token: str, now: float) -> bool:
    """Is a ServiceAccount token (a JWT) past its `exp`? A token that says nothing of it is not."""
    try:
        payload = token.split(".")[1]
        expires = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))).get("exp")
    except (IndexError, ValueError):
        return False
    return expires is not None and float(expires) <= now

"""Who we are to a real API server: kubeconfigs, ServiceAccount tokens that rotate, exec plug-ins."""

from __future__ import annotations

import atexit
import base64
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
from datetime import datetime
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec
import requests
import yaml
from msgspec import Struct
from pykube import KubeConfig
from pykube.exceptions import PyKubeError
from pykube.http import KubernetesHTTPAdapter

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
EXEC_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
EXEC_S = 30.0
TOLD_TO_PLUG_INS = ("server", "tls-server-name", "insecure-skip-tls-verify", "proxy-url")
EARLY_S = 60.0  # a credential is renewed this long before it expires
REMEDY = "Name a kubeconfig with --kubeconfig."

# Ways to authenticate that pykube does not know, or in a way that rewrites the user's file.
NOT_SUPPORTED = {
    "auth-provider": "use an exec plug-in",
    "as": "use credentials of that user",
    "as-uid": "use credentials of that user",
    "as-groups": "use credentials of that user",
    "as-user-extra": "use credentials of that user",
}


class BadConfig(Exception):
    """There is no usable configuration; the message says which file or setting, and what to do."""


def config_of(kubeconfig: str | Path | None) -> KubeConfig:
    """The named file, else the pod's ServiceAccount, else KUBECONFIG or ~/.kube/config. Raises BadConfig."""
    in_pod = kubeconfig is None and (SERVICE_ACCOUNT / "token").exists()
    where = SERVICE_ACCOUNT if in_pod else kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
    try:
        if in_pod:
            config = KubeConfig.from_service_account(str(SERVICE_ACCOUNT))
            config.doc["users"][0]["user"] = {"tokenFile": str(SERVICE_ACCOUNT / "token")}
        else:
            config = KubeConfig.from_file(str(where))
        # Read now what would fail later, in a thread: context, cluster and user.
        _check(config)
        _keep_private(config)
    except (TypeError, AttributeError, KeyError) as error:
        raise BadConfig(f"{where}: this is not a kubeconfig ({_one_line(error)}). {REMEDY}") from error
    except (PyKubeError, OSError, ValueError, yaml.YAMLError) as error:
        raise BadConfig(f"{where}: no usable cluster configuration: {_one_line(error)}. {REMEDY}") from error
    return config


def _check(config: KubeConfig) -> None:
    """Refuse what pykube would overlook, by name. Raises ValueError, or whatever pykube does."""
    if not config.doc.get("current-context"):
        raise ValueError("it has no current-context")
    context = config.contexts.get(config.current_context)
    if context is None:
        raise ValueError(f"it has no context {config.current_context!r}, its current one")
    named = {each["name"]: each["cluster"] for each in config.doc.get("clusters") or ()}
    cluster, user = named.get(context["cluster"]), config.user
    if cluster is None:
        raise ValueError(
            f"it has no cluster {context['cluster']!r}, which its context {config.current_context!r} names"
        )
    if not cluster.get("server"):  # pykube would ask localhost
        raise ValueError(f"its cluster {context['cluster']!r} has no server")
    not_ours = [name for name in NOT_SUPPORTED if name in user]
    if not_ours:
        raise ValueError(f"its user has {not_ours[0]}, which is not supported ({NOT_SUPPORTED[not_ours[0]]})")
    beside = Path(config.kubeconfig_path).parent if config.kubeconfig_path else Path()
    if "tokenFile" in user:
        user["tokenFile"] = str(beside / user["tokenFile"])
    plug_in = user.get("exec")
    if plug_in is not None:
        command, version = plug_in.get("command", ""), plug_in.get("apiVersion", "")
        if not command:
            raise ValueError("its exec plug-in has no command")
        if version not in EXEC_VERSIONS:
            raise ValueError(f"exec plug-in {command}: apiVersion {version!r} is not one of {', '.join(EXEC_VERSIONS)}")
        if os.sep in command:  # as kubectl does: relative to the file that names it
            plug_in["command"] = str(beside / command)


def _keep_private(config: KubeConfig) -> None:
    """Keys that stand in a kubeconfig go into files for us alone; pykube's own files can be read by everybody."""
    for holder in (config.user, config.cluster):
        for name in ("client-certificate", "client-key", "certificate-authority"):
            if name in holder and holder[name]._path is None:
                holder[name]._path = Path(_file(holder[name].bytes()))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")


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
        command, version = wanted["command"], wanted["apiVersion"]
        spec: dict[str, Any] = {"interactive": False}
        if wanted.get("provideClusterInfo"):
            spec["cluster"] = _about(cluster)
        info = {"kind": "ExecCredential", "apiVersion": version, "spec": spec}
        variables = {each["name"]: each["value"] for each in wanted.get("env") or ()}
        environment = {**os.environ, **variables, "KUBERNETES_EXEC_INFO": json.dumps(info)}
        try:
            done = subprocess.run(
                [command, *(wanted.get("args") or ())],
                env=environment,
                stdin=subprocess.DEVNULL,  # it must never wait for somebody to type
                capture_output=True,
                timeout=EXEC_S,
                check=True,
            )
            return _read(done.stdout, version)
        except (OSError, subprocess.SubprocessError, ValueError, msgspec.MsgspecError) as error:
            said = (getattr(error, "stderr", b"") or b"").decode("utf-8", "replace")
            words = (f"exec plug-in {command}: {error}", said, wanted.get("installHint", ""))
            raise BadConfig(" ".join(" ".join(words).split())) from error


EXECUTED = ExecPlugins()


class _ExecStatus(Struct, frozen=True, rename="camel"):
    token: str = ""
    client_certificate_data: str = ""
    client_key_data: str = ""
    expiration_timestamp: datetime | None = None


class _ExecCredential(Struct, frozen=True, rename="camel"):
    """What a plug-in prints (client.authentication.k8s.io ExecCredential)."""

    api_version: str
    status: _ExecStatus


def _read(text: bytes, version: str) -> _Credential:
    said = msgspec.json.decode(text, type=_ExecCredential)
    if said.api_version != version:
        raise ValueError(f"it answered in {said.api_version}, not in {version}")
    status = said.status
    certificate, key = status.client_certificate_data, status.client_key_data
    pair = (_file(certificate.encode()), _file(key.encode())) if certificate and key else None
    if not status.token and pair is None:
        raise ValueError("it gave neither a token nor a client certificate")
    at = status.expiration_timestamp
    return _Credential(status.token, pair, at.timestamp() if at else 0.0)


def _about(cluster: dict[str, Any]) -> dict[str, Any]:
    """A cluster as plug-ins are told of it (client.authentication.k8s.io Cluster)."""
    told = {name: cluster[name] for name in TOLD_TO_PLUG_INS if name in cluster}
    if "certificate-authority" in cluster:
        told["certificate-authority-data"] = base64.b64encode(cluster["certificate-authority"].bytes()).decode()
    return told


def _file(data: bytes) -> str:
    """A file with these bytes, for us alone, until we end; TLS libraries take certificates only from files."""
    path = _own_directory() / f"{hashlib.sha256(data).hexdigest()[:16]}.pem"
    if not path.exists():  # complete, if it is there: it comes by renaming
        descriptor, unfinished = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.replace(unfinished, path)
    return str(path)


@cache
def _own_directory() -> Path:
    path = tempfile.mkdtemp(prefix="spo-")
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return Path(path)

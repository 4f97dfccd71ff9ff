"""The API server: `handle(Request) -> Response`, over one store. What takes time is on the timeline."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from spo.sim.api.access import reviews
from spo.sim.api.access.authn import ANONYMOUS, Authenticator, User
from spo.sim.api.access.authz import Authorizer
from spo.sim.api.access.impersonation import Impersonation
from spo.sim.api.access.reviews import Reviews
from spo.sim.api.admission.plugins import Admission
from spo.sim.api.attempt import RequestAttempt, asker_of, operation_of
from spo.sim.api.bootstrap import begin
from spo.sim.api.builtin import KINDS, events_view, scaling_view
from spo.sim.api.call import Call, answer_object
from spo.sim.api.custom.crd_controller import CrdController
from spo.sim.api.encoding.bodies import PROTOBUF
from spo.sim.api.encoding.negotiation import encoded, resource_form, retyped
from spo.sim.api.features import DEFAULTS, Features
from spo.sim.api.http import Request, Response
from spo.sim.api.kinds import OF_STATUS, Kind
from spo.sim.api.lookup import Lookup
from spo.sim.api.published import discovery
from spo.sim.api.resources import Registry, Served
from spo.sim.api.routing import Route, check_timeout, route
from spo.sim.api.status import ApiError, bad_request, not_found, qualified
from spo.sim.api.tables.views import View, ViewStream
from spo.sim.api.verbs import subresources
from spo.sim.api.verbs.deletion import Deleter
from spo.sim.api.verbs.listing import Lister
from spo.sim.api.verbs.logs import Logs
from spo.sim.api.verbs.rest import Rest
from spo.sim.api.verbs.watching import Hub
from spo.sim.faults import Faults, Site
from spo.sim.keys import Keys
from spo.sim.store import Store
from spo.sim.timeline import SECOND_NS, Timeline

Handler = Callable[[Call], Response]
Observer = Callable[[Request, User, Response], None]

PAGE_NOT_FOUND = Response(404, (("Content-Type", "text/plain; charset=utf-8"),), b"404 page not found\n")
_NOT_ALLOWED = "the server does not allow this method on the requested resource"
_NO_RESOURCE = "the server could not find the requested resource"


class ApiServer:
    """One simulated kube-apiserver.

    `tokens` are accepted besides the built-in ones. Observers are called after each request, in order.
    """

    def __init__(
        self,
        store: Store,
        timeline: Timeline,
        keys: Keys,
        *,
        service_account_admission: bool = True,
        features: Features = DEFAULTS,
        authorize: bool = True,
        tokens: Mapping[str, User] | None = None,
        kinds: Iterable[Kind] = KINDS,
        faults: Faults | None = None,
    ) -> None:
        self.store = store
        self.keys = keys
        self.features = features
        self.observers: list[Observer] = []
        self.faults = faults or Faults(timeline)
        self._gate = self.faults.gate(Site.API)
        self._timeline = timeline
        self.registry = Registry(store, (*kinds, events_view.KIND, scaling_view.KIND, *reviews.KINDS))
        self.authenticator = Authenticator(tokens or {})
        self.authorizer = Authorizer(store)
        self._authorize = authorize
        self._impersonation = Impersonation(self._allows)
        lookup = Lookup(store)
        self.lister = Lister(store, lookup, features, timeline)
        self.hub = Hub(store, timeline, self.lister, self.faults.gate(Site.WATCH))
        self.registry.on_gone = self.hub.end
        rest = Rest(store, timeline, keys, Admission(store, service_account_admission), features)
        self.logs = Logs(rest, timeline)
        deleter = Deleter(store, timeline, rest, self.lister)
        establisher = CrdController(store, timeline, self.registry, self.answer)
        self._subresources = subresources.handlers(rest, deleter, timeline, keys, self.logs)
        self._reviews = Reviews(self.authenticator, self.authorizer, timeline).handlers()
        self._verbs: dict[str, Handler] = {
            "get": rest.get,
            "list": self.lister.answer,
            "watch": self.hub.watch,
            "create": rest.create,
            "update": rest.update,
            "patch": rest.patch,
            "delete": deleter.delete,
            "deletecollection": deleter.delete_collection,
        }
        # In this order: who decides what is served hears of a change before those who tell clients of it.
        for listener in (self.registry, self.authorizer, lookup, self.hub, establisher, self.logs):
            store.subscribe(listener.on_change)
        begin(store, keys, timeline.stamp())

    def handle(self, request: Request) -> Response:
        """Answer one request, as its fate will have it. A refusal is an answer, too; faults raise NoAnswer or Crash."""
        if self._gate.armed:
            return self._gate.strike(self._attempt(request))
        return self.answer(request)

    def answer(self, request: Request, instead: ApiError | None = None) -> Response:
        """Answer it, whatever faults there are; `instead` of what was asked for, refuse it. Only our own bugs raise."""
        user, warnings = ANONYMOUS, list[str]()
        try:
            user = self.authenticator.user(request)
            query = dict(reversed(request.query))  # the first of a name counts
            asked = route(request.method, request.path, query)
            check_timeout(query)
            user = self._impersonation.user(request, user, asked)
            if self._authorize:
                self.authorizer.check(user, asked)
            if instead is not None:
                raise instead
            if asked.is_resource:
                response = self._resource(request, asked, user, query, warnings)
            else:
                response = self._path(request, asked)
        except ApiError as error:
            response = _refusal(error, warnings)
        except RecursionError:  # what was sent, or what it makes of what is there, is nested too deep for us
            response = _refusal(bad_request("the object is nested too deep: exceeded max depth"), warnings)
        response = encoded(request, response)
        for observe in self.observers:
            observe(request, user, response)
        return response

    def restart(self) -> None:
        """As if this process had ended, and a new one had begun on the same storage; takes no time."""
        self.hub.restart()

    def _allows(self, user: User, asked: Route) -> bool:
        return not self._authorize or self.authorizer.allowed(user, asked)

    def _attempt(self, request: Request) -> RequestAttempt:
        user, asked = ANONYMOUS, route(request.method, request.path, dict(reversed(request.query)))
        with suppress(ApiError):  # who is not let in has a name, too
            user = self.authenticator.user(request)
            user = self._impersonation.user(request, user, asked)
        asker = asker_of(user, request)
        operation = operation_of(request, asker, asked, self.registry)
        return RequestAttempt(operation, asked, asker, lambda instead: self.answer(request, instead), self.faults.hold)

    # -- finding who answers -------------------------------------------------------------------------------------

    def _resource(
        self, request: Request, asked: Route, user: User, query: Mapping[str, str], warnings: list[str]
    ) -> Response:
        served = self.registry.find(asked.group, asked.version, asked.plural)
        if served is None or not _in_scope(served, asked):
            return self._nothing_there(asked)
        call = Call(request, asked, user, served, query, warnings)
        handler = self._handler(call)
        if handler is None:
            return self._nothing_there(asked)
        form = resource_form(call)
        framed = form.media == "protobuf" and asked.verb == "watch"
        if not form.kind and not framed:
            return handler(call)
        view = View(call, form, lambda: self._timeline.now_ns / SECOND_NS)
        call.make_stream = lambda: ViewStream(view)
        response = handler(call)
        if response.stream is None:
            return view.answer(response)
        return retyped(response, f"{PROTOBUF};stream=watch", b"") if framed else response

    def _handler(self, call: Call) -> Handler | None:
        """None if there is no such place. Raises ApiError 404 or 405."""
        asked, kind = call.route, call.served.kind
        resource = kind.resource
        if asked.subresource:
            return self._subresource(call)
        review = self._reviews.get((resource.group, resource.plural))
        if review is not None:
            if asked.verb != "create":
                raise not_allowed()
            return review
        needs_space = resource.namespaced and not asked.namespace and asked.verb in ("create", "deletecollection")
        if kind.custom:
            if not asked.verb:
                raise not_allowed(call)
            if needs_space:
                return None
            if asked.verb in ("update", "patch") and not asked.name:
                raise bad_request("name must be provided")
        elif (
            needs_space
            or asked.verb not in kind.verbs
            or call.request.method == "HEAD"
            or (asked.verb == "create" and asked.name)
            or (asked.verb in ("update", "patch") and not asked.name)
        ):
            raise not_allowed()
        return self._verbs[asked.verb]

    def _subresource(self, call: Call) -> Handler | None:
        asked, kind = call.route, call.served.kind
        resource = kind.resource
        own = self._subresources.get((resource.plural, asked.subresource))
        if own is None and asked.subresource not in kind.subresources:
            if kind.custom:
                raise not_found(resource.plural, resource.group, asked.name)
            return None
        if asked.subresource in OF_STATUS:
            own = {verb: self._verbs[verb] for verb in ("get", "update", "patch")}
        elif own is None:
            own = self._subresources.get(("*", asked.subresource), {})
        handler = own.get(asked.verb)
        if handler is None:
            raise not_allowed(call)
        return handler

    def _nothing_there(self, asked: Route) -> Response:
        if asked.group in self.registry.builtin_groups:
            raise ApiError(404, "NotFound", _NO_RESOURCE, {})
        return PAGE_NOT_FOUND

    def _path(self, request: Request, asked: Route) -> Response:
        found = discovery.answer_path(self.registry, request)
        if found is None:
            if asked.path.startswith("/api/"):
                raise ApiError(404, "NotFound", _NO_RESOURCE, {})
            return PAGE_NOT_FOUND
        return found


def not_allowed(call: Call | None = None) -> ApiError:
    """405, in the words of the server that serves the kind."""
    if call is not None and call.served.kind.custom:
        resource = call.served.kind.resource
        what = qualified(resource.plural, resource.group)
        details = {"group": resource.group, "kind": resource.plural}
        text = f'{call.route.verb} is not supported on resources of kind "{what}"'
        return ApiError(405, "MethodNotAllowed", text, details)
    return ApiError(405, "MethodNotAllowed", _NOT_ALLOWED, {})


def _in_scope(served: Served, asked: Route) -> bool:
    if served.kind.resource.namespaced:
        return bool(asked.namespace) or not asked.name
    return not asked.namespace or asked.plural == "namespaces"


def _refusal(error: ApiError, warnings: list[str]) -> Response:
    body = error.status()
    continuation = getattr(error, "continuation", "")
    if continuation:
        body["metadata"] = {"continue": continuation}
    response = answer_object(error.code, body, warnings)
    return Response(error.code, response.headers + error.headers, response.body)

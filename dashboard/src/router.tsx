import {
  type AnyRoute,
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from "@tanstack/react-router";
import { AppFrame } from "./shell/app-frame";
import { ConsoleShell } from "./shell/console-shell";
import { kept } from "./shell/link";
import { Broken, NotFound } from "./shell/not-found";
import { PortalShell } from "./shell/portal-shell";

const portal = {
  endpoints: () => import("./screens/portal/endpoints"),
  endpointForm: () => import("./screens/portal/endpoint-form-page"),
  endpoint: () => import("./screens/portal/endpoint"),
  messages: () => import("./screens/portal/messages"),
  message: () => import("./screens/portal/message"),
  catalogue: () => import("./screens/portal/catalogue"),
};
const operator = {
  overview: () => import("./screens/operator/overview"),
  apps: () => import("./screens/operator/apps"),
  eventTypes: () => import("./screens/operator/event-types"),
  eventTypeForm: () => import("./screens/operator/event-type-form"),
  keys: () => import("./screens/operator/keys"),
  operational: () => import("./screens/operator/operational"),
  inboxes: () => import("./screens/operator/inboxes"),
  inbox: () => import("./screens/operator/inbox"),
  tasks: () => import("./screens/operator/tasks"),
  settings: () => import("./screens/operator/settings"),
};

type Load = () => Promise<{ default: () => React.ReactNode }>;

function screen(parent: AnyRoute, path: string, load: Load) {
  return createRoute({
    getParentRoute: () => parent,
    path,
    component: lazyRouteComponent(load),
  });
}

/** Leads from a place without a screen to one with. */
function leads(parent: AnyRoute, to: (params: Record<string, string>) => string) {
  return createRoute({
    getParentRoute: () => parent,
    path: "/",
    beforeLoad: ({ params }) => {
      throw redirect({
        to: to(params as Record<string, string>),
        search: kept(),
        replace: true,
      });
    },
  });
}

/** The screens of one application: the customer's portal, and the operator's view of it. */
function appScreens(parent: AnyRoute) {
  return [
    screen(parent, "endpoints", portal.endpoints),
    screen(parent, "endpoints/new", portal.endpointForm),
    screen(parent, "endpoints/$endpoint", portal.endpoint),
    screen(parent, "endpoints/$endpoint/edit", portal.endpointForm),
    screen(parent, "messages", portal.messages),
    screen(parent, "messages/$message", portal.message),
    screen(parent, "event-types", portal.catalogue),
  ];
}

export function makeRouter() {
  const root = createRootRoute({ component: Outlet, notFoundComponent: NotFound });
  const home = leads(root, () => "/console/overview");
  const console = createRoute({
    getParentRoute: () => root,
    path: "console",
    component: ConsoleShell,
    notFoundComponent: NotFound,
  });
  const app = createRoute({
    getParentRoute: () => console,
    path: "applications/$app",
    component: AppFrame,
  });
  const portalRoot = createRoute({
    getParentRoute: () => root,
    path: "portal",
    component: PortalShell,
    notFoundComponent: NotFound,
  });
  const tree = root.addChildren([
    home,
    console.addChildren([
      leads(console, () => "/console/overview"),
      screen(console, "overview", operator.overview),
      screen(console, "applications", operator.apps),
      app.addChildren([
        leads(app, (params) => `/console/applications/${params.app}/endpoints`),
        ...appScreens(app),
      ]),
      screen(console, "event-types", operator.eventTypes),
      screen(console, "event-types/new", operator.eventTypeForm),
      screen(console, "event-types/$name/edit", operator.eventTypeForm),
      screen(console, "keys", operator.keys),
      screen(console, "operational", operator.operational),
      screen(console, "inbox", operator.inboxes),
      screen(console, "inbox/$inbox", operator.inbox),
      screen(console, "tasks", operator.tasks),
      screen(console, "settings", operator.settings),
    ]),
    portalRoot.addChildren([
      leads(portalRoot, () => "/portal/endpoints"),
      ...appScreens(portalRoot),
    ]),
  ]);
  return createRouter({
    routeTree: tree,
    // Plain words in the address, no JSON: `?status=failing`.
    parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
    stringifySearch: (search) => {
      const text = new URLSearchParams(search as Record<string, string>).toString();
      return text === "" ? "" : `?${text}`;
    },
    defaultErrorComponent: Broken,
    defaultPreload: false,
    scrollRestoration: false,
  });
}

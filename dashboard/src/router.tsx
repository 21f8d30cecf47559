import {
  type AnyRoute,
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from "@tanstack/react-router";
import { AppFrame } from "./screens/applications/app-frame";
import { ConsoleShell } from "./shell/console-shell";
import { kept } from "./shell/link";
import { Broken, NotFound } from "./shell/not-found";
import { PortalShell } from "./shell/portal-shell";

/** Of one application: the portal shows them, and the console. */
const ofApplication = {
  endpoints: () => import("./screens/endpoints/endpoints"),
  endpointForm: () => import("./screens/endpoints/endpoint-form-page"),
  endpoint: () => import("./screens/endpoints/endpoint"),
  messages: () => import("./screens/messages/messages"),
  message: () => import("./screens/messages/message"),
  catalogue: () => import("./screens/event-types/catalogue"),
};
/** Of the organisation. */
const ofConsole = {
  overview: () => import("./screens/overview/overview"),
  apps: () => import("./screens/applications/apps"),
  eventTypes: () => import("./screens/event-types/event-types"),
  eventTypeForm: () => import("./screens/event-types/event-type-form"),
  keys: () => import("./screens/keys/keys"),
  operational: () => import("./screens/operational/operational"),
  inboxes: () => import("./screens/inbox/inboxes"),
  inbox: () => import("./screens/inbox/inbox"),
  tasks: () => import("./screens/tasks/tasks"),
  settings: () => import("./screens/settings/settings"),
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
    screen(parent, "endpoints", ofApplication.endpoints),
    screen(parent, "endpoints/new", ofApplication.endpointForm),
    screen(parent, "endpoints/$endpoint", ofApplication.endpoint),
    screen(parent, "endpoints/$endpoint/edit", ofApplication.endpointForm),
    screen(parent, "messages", ofApplication.messages),
    screen(parent, "messages/$message", ofApplication.message),
    screen(parent, "event-types", ofApplication.catalogue),
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
      screen(console, "overview", ofConsole.overview),
      screen(console, "applications", ofConsole.apps),
      app.addChildren([
        leads(app, (params) => `/console/applications/${params.app}/endpoints`),
        ...appScreens(app),
      ]),
      screen(console, "event-types", ofConsole.eventTypes),
      screen(console, "event-types/new", ofConsole.eventTypeForm),
      screen(console, "event-types/$name/edit", ofConsole.eventTypeForm),
      screen(console, "keys", ofConsole.keys),
      screen(console, "operational", ofConsole.operational),
      screen(console, "inbox", ofConsole.inboxes),
      screen(console, "inbox/$inbox", ofConsole.inbox),
      screen(console, "tasks", ofConsole.tasks),
      screen(console, "settings", ofConsole.settings),
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

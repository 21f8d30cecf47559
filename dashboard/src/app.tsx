import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useMemo } from "react";
import { ApiProblem } from "./api/problem";
import { makeRouter } from "./router";
import { ConsoleDoor, PortalDoor } from "./session/doors";
import { side, useSessionState } from "./session/store";
import { Toasts } from "./ui/toast";

const Gallery = lazy(() => import("./screens/gallery/gallery"));

/** An answer of 4xx is an answer: asking again changes nothing. */
function mayRetry(failures: number, error: Error): boolean {
  return (
    failures < 2 && (!(error instanceof ApiProblem) || error.status === 0 || error.status >= 500)
  );
}

function Inside() {
  // A new session sees nothing of the one before.
  const client = useMemo(
    () =>
      new QueryClient({
        defaultOptions: {
          queries: { retry: mayRetry, staleTime: 5_000, refetchOnWindowFocus: true },
        },
      }),
    [],
  );
  const router = useMemo(() => makeRouter(), []);
  useEffect(() => () => client.clear(), [client]);
  return (
    <QueryClientProvider client={client}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  );
}

export function App() {
  const state = useSessionState();
  if (location.pathname === "/console/gallery") {
    return (
      <Suspense>
        <Gallery />
        <Toasts />
      </Suspense>
    );
  }
  if (state.is === "starting") return null;
  const inside = state.is === "in" && (side === "portal" ? state.session.appId !== null : true);
  return (
    <>
      {inside && state.is === "in" ? (
        <Inside key={state.session.token} />
      ) : side === "portal" ? (
        <PortalDoor because={state.is === "out" ? state.because : "never"} />
      ) : (
        <ConsoleDoor because={state.is === "out" ? state.because : "never"} />
      )}
      <Toasts />
    </>
  );
}

import { Outlet, useRouterState } from "@tanstack/react-router";
import { LogOut, Menu as MenuIcon, Search } from "lucide-react";
import { lazy, Suspense, useEffect, useState } from "react";
import { signOut } from "@/session/start";
import { useSession } from "@/session/store";
import { texts } from "@/texts";
import { Badge } from "@/ui/badge";
import { buttonClass, IconButton } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Mark } from "@/ui/mark";
import { Empty } from "@/ui/states";
import { useFollow } from "./follow";
import { Link } from "./link";
import { LiveMark } from "./live-mark";
import { GROUPS, PLACES } from "./places";
import { ThemeMenu } from "./theme-menu";

const Palette = lazy(() => import("./palette"));

function Places({ onGo }: { onGo?: () => void }) {
  return (
    <nav aria-label={texts.nav.main} className="flex flex-col gap-5">
      {GROUPS.map((group) => (
        <div key={group.label} className="flex flex-col gap-0.5">
          <div className="px-2 pb-1 text-xs font-medium text-faint">{group.label}</div>
          {group.items.map(({ to, label, icon: Icon }) => (
            <Link
              key={to}
              to={to}
              onClick={onGo}
              className="flex h-8 items-center gap-2.5 rounded-md px-2 text-sm font-medium text-muted hover:bg-hover hover:text-text [&_svg]:size-4"
              activeClassName="bg-accent-soft! text-accent-text!"
            >
              <Icon aria-hidden />
              {label}
            </Link>
          ))}
        </div>
      ))}
    </nav>
  );
}

function Foot() {
  const session = useSession();
  return (
    <div className="flex items-center justify-between gap-1 border-t border-line pt-2">
      <div className="flex items-center gap-1.5">
        <LiveMark />
        {session.readOnly && <Badge title={texts.nav.readOnlyHint}>{texts.nav.readOnly}</Badge>}
      </div>
      <div className="flex">
        <ThemeMenu />
        <IconButton label={texts.nav.signOut} onClick={() => void signOut()}>
          <LogOut aria-hidden />
        </IconButton>
      </div>
    </div>
  );
}

/** The operator's console. */
export function ConsoleShell() {
  const session = useSession();
  const [drawer, setDrawer] = useState(false);
  const [palette, setPalette] = useState(false);
  const path = useRouterState({ select: (state) => state.location.pathname });
  useFollow(null);
  useEffect(() => {
    const place = PLACES.find((one) => path.startsWith(one.to));
    document.title = place ? `${place.label} · ${texts.common.product}` : texts.common.product;
  }, [path]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        setPalette(true);
      }
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
  if (session.appId !== null) return <OfOneApp />;
  const brand = (
    <span className="flex items-center gap-2 text-sm font-semibold tracking-tight">
      <Mark />
      {texts.common.product}
    </span>
  );
  return (
    <div className="lg:grid lg:min-h-dvh lg:grid-cols-[14.5rem_minmax(0,1fr)]">
      <a
        href="#content"
        className="sr-only focus:not-sr-only focus:absolute focus:z-50 focus:bg-raised focus:p-2"
      >
        {texts.nav.skip}
      </a>
      <aside className="sticky top-0 hidden h-dvh flex-col gap-4 border-r border-line bg-surface p-3 lg:flex">
        <div className="px-2 pt-2">{brand}</div>
        <button
          type="button"
          onClick={() => setPalette(true)}
          className="flex h-8 items-center gap-2 rounded-md border border-line bg-bg px-2 text-sm text-faint hover:border-line-strong"
        >
          <Search className="size-4" aria-hidden />
          {texts.nav.palette}
          <kbd className="ml-auto font-sans text-xs">Ctrl K</kbd>
        </button>
        <div className="min-h-0 flex-1 overflow-y-auto">
          <Places />
        </div>
        <Foot />
      </aside>
      <header className="sticky top-0 z-20 flex h-12 items-center justify-between border-b border-line bg-surface px-3 lg:hidden">
        <span className="flex items-center gap-1.5">
          <IconButton label={texts.nav.menu} onClick={() => setDrawer(true)}>
            <MenuIcon aria-hidden />
          </IconButton>
          {brand}
        </span>
        <IconButton label={texts.nav.palette} onClick={() => setPalette(true)}>
          <Search aria-hidden />
        </IconButton>
      </header>
      <Dialog open={drawer} onClose={() => setDrawer(false)} title={texts.common.product} drawer>
        <div className="flex flex-col gap-6">
          <Places onGo={() => setDrawer(false)} />
          <Foot />
        </div>
      </Dialog>
      <main id="content" tabIndex={-1} className="min-w-0">
        <Outlet />
      </main>
      <Suspense>{palette && <Palette onClose={() => setPalette(false)} />}</Suspense>
    </div>
  );
}

/** A key that opens one application belongs into the portal. */
function OfOneApp() {
  const enter = () => {
    const stored = sessionStorage.getItem("postrider.console");
    if (stored) sessionStorage.setItem("postrider.portal", stored);
    location.assign("/portal");
  };
  return (
    <main>
      <Empty
        alone
        title={texts.session.appKey}
        action={
          <button type="button" className={buttonClass("primary")} onClick={enter}>
            {texts.session.openPortal}
          </button>
        }
      />
    </main>
  );
}

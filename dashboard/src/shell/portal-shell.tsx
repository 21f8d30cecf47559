import { Outlet } from "@tanstack/react-router";
import { LogOut } from "lucide-react";
import { useEffect } from "react";
import { usePortalConfig } from "@/api/portal";
import { signOut } from "@/session/start";
import { useSession } from "@/session/store";
import { texts } from "@/texts";
import { Badge } from "@/ui/badge";
import { IconButton } from "@/ui/button";
import { useFollow } from "./follow";
import { Link } from "./link";
import { LiveMark } from "./live-mark";
import { ScopeOf } from "./scope";
import { offerTheme } from "./theme";
import { ThemeMenu } from "./theme-menu";

const TAB =
  "-mb-px flex h-10 items-center border-b-2 border-transparent text-sm font-medium whitespace-nowrap text-muted hover:text-text";

/** What customers see: one application, in their provider's colours, fit for a frame. */
export function PortalShell() {
  const session = useSession();
  const app = session.appId ?? "";
  const config = usePortalConfig();
  const theme = config.data?.theme;
  useFollow(app);
  useEffect(() => {
    if (theme) offerTheme(theme.mode, theme);
  }, [theme]);
  const name = theme?.name ?? texts.session.portal.title;
  useEffect(() => {
    document.title = name;
  }, [name]);
  return (
    <ScopeOf scope={{ app, base: "/portal" }}>
      <a
        href="#content"
        className="sr-only focus:not-sr-only focus:absolute focus:z-50 focus:bg-raised focus:p-2"
      >
        {texts.nav.skip}
      </a>
      <header className="border-b border-line bg-surface">
        <div className="mx-auto flex w-full max-w-6xl flex-col px-4 sm:px-6">
          <div className="flex min-h-12 items-center justify-between gap-3">
            <div className="flex min-w-0 items-center gap-2.5">
              {theme?.logoUrl && (
                <img src={theme.logoUrl} alt="" className="h-6 max-w-32 object-contain" />
              )}
              <span className="truncate text-sm font-semibold">{name}</span>
              {session.readOnly && (
                <Badge title={texts.nav.readOnlyHint}>{texts.nav.readOnly}</Badge>
              )}
            </div>
            <div className="flex items-center gap-1">
              <LiveMark />
              <ThemeMenu />
              <IconButton label={texts.nav.signOut} onClick={() => void signOut()}>
                <LogOut aria-hidden />
              </IconButton>
            </div>
          </div>
          <nav aria-label={texts.nav.main} className="flex gap-5 overflow-x-auto">
            {[
              { to: "/portal/endpoints", label: texts.nav.endpoints },
              { to: "/portal/messages", label: texts.nav.messages },
              { to: "/portal/event-types", label: texts.nav.catalogue },
            ].map((tab) => (
              <Link
                key={tab.to}
                to={tab.to}
                className={TAB}
                activeClassName="border-accent! text-text!"
              >
                {tab.label}
              </Link>
            ))}
          </nav>
        </div>
      </header>
      <main id="content" tabIndex={-1}>
        <Outlet />
      </main>
    </ScopeOf>
  );
}

import { Outlet } from "@tanstack/react-router";
import { LogOut } from "lucide-react";
import { useEffect } from "react";
import { usePortalConfig } from "@/api/portal";
import { signOut } from "@/session/start";
import { useSession } from "@/session/store";
import { texts } from "@/texts";
import { Badge } from "@/ui/badge";
import { IconButton } from "@/ui/button";
import { AppHeader } from "./app-header";
import { useFollow } from "./follow";
import { LiveMark } from "./live-mark";
import { ScopeOf } from "./scope";
import { offerTheme } from "./theme";
import { ThemeMenu } from "./theme-menu";

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
      <AppHeader
        base="/portal"
        label={texts.nav.main}
        title={
          <>
            {theme?.logoUrl && (
              <img src={theme.logoUrl} alt="" className="h-6 max-w-32 object-contain" />
            )}
            <span className="truncate font-semibold">{name}</span>
            {session.readOnly && <Badge title={texts.nav.readOnlyHint}>{texts.nav.readOnly}</Badge>}
          </>
        }
        actions={
          <>
            <LiveMark />
            <ThemeMenu />
            <IconButton label={texts.nav.signOut} onClick={() => void signOut()}>
              <LogOut aria-hidden />
            </IconButton>
          </>
        }
      />
      <main id="content" tabIndex={-1}>
        <Outlet />
      </main>
    </ScopeOf>
  );
}

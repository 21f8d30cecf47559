import { Outlet, useParams } from "@tanstack/react-router";
import { ChevronRight, KeyRound, Link2, Pencil, Trash2 } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { useApp, useDeleteApp } from "@/api/operator";
import { useRights } from "@/session/store";
import { AppHeader } from "@/shell/app-header";
import { Link, useGo } from "@/shell/link";
import { ScopeOf } from "@/shell/scope";
import { texts } from "@/texts";
import { Button } from "@/ui/button";
import { Mono } from "@/ui/code";
import { Confirm } from "@/ui/dialog";
import { MoreMenu } from "@/ui/menu";
import { Failed, Skeleton } from "@/ui/states";
import { toast } from "@/ui/toast";

const AppDialog = lazy(() => import("./app-dialog"));
const PortalLinkDialog = lazy(() => import("./portal-link"));

/** The operator's view of one application: what its customer sees, under a head of its own. */
export function AppFrame() {
  const { app } = useParams({ strict: false }) as { app: string };
  const query = useApp(app);
  const base = `/console/applications/${app}`;
  if (query.error) return <Failed error={query.error} retry={() => void query.refetch()} />;
  return (
    <ScopeOf scope={{ app, base }}>
      <AppHeader
        base={base}
        label={query.data?.name ?? app}
        title={
          <>
            <Link to="/console/applications" className="text-muted hover:underline max-sm:hidden">
              {texts.apps.title}
            </Link>
            <ChevronRight className="size-3.5 shrink-0 text-faint max-sm:hidden" aria-hidden />
            {query.data ? (
              <>
                <span className="truncate font-semibold">{query.data.name}</span>
                <span className="hidden text-muted md:inline-flex">
                  <Mono text={query.data.uid ?? query.data.id} copy />
                </span>
              </>
            ) : (
              <Skeleton className="h-4 w-40" />
            )}
          </>
        }
        actions={<AppActions app={app} name={query.data?.name ?? ""} />}
      />
      <Outlet />
    </ScopeOf>
  );
}

function AppActions({ app, name }: { app: string; name: string }) {
  const [open, setOpen] = useState<"link" | "edit" | "delete" | null>(null);
  const rights = useRights();
  const go = useGo();
  const remove = useDeleteApp(app);
  if (!rights.manage) return null;
  const close = () => setOpen(null);
  return (
    <div className="flex items-center gap-1.5">
      <Button small icon={<Link2 aria-hidden />} onClick={() => setOpen("link")}>
        {texts.apps.portal}
      </Button>
      <MoreMenu
        items={[
          {
            label: texts.apps.editTitle,
            icon: <Pencil aria-hidden />,
            onSelect: () => setOpen("edit"),
          },
          {
            label: texts.nav.keys,
            icon: <KeyRound aria-hidden />,
            onSelect: () => go("/console/keys"),
          },
          "line",
          {
            label: texts.common.delete,
            icon: <Trash2 aria-hidden />,
            danger: true,
            onSelect: () => setOpen("delete"),
          },
        ]}
      />
      <Suspense>
        {open === "link" && <PortalLinkDialog app={app} onClose={close} />}
        {open === "edit" && <AppDialog app={app} onClose={close} />}
      </Suspense>
      <Confirm
        open={open === "delete"}
        onClose={close}
        title={texts.apps.deleteTitle}
        action={texts.common.delete}
        kind="danger"
        busy={remove.isPending}
        error={remove.error?.message}
        onConfirm={() =>
          remove.mutate(undefined, {
            onSuccess: () => {
              toast.ok(texts.apps.deleted);
              go("/console/applications");
            },
          })
        }
      >
        <p className="font-medium">{name}</p>
        <p className="text-muted">{texts.apps.deleteText}</p>
      </Confirm>
    </div>
  );
}

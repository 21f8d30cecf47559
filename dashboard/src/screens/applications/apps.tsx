import { AppWindow, Plus } from "lucide-react";
import { lazy, Suspense, useState } from "react";
import { type App, useApps } from "@/api/operator";
import { useRights } from "@/session/store";
import { Link, useAddress, useGo } from "@/shell/link";
import { useSettled } from "@/shell/settled";
import { texts } from "@/texts";
import { Button } from "@/ui/button";
import { Mono } from "@/ui/code";
import { SearchInput } from "@/ui/field";
import { Card, Page } from "@/ui/layout";
import { ListFrame } from "@/ui/list-frame";
import { Empty } from "@/ui/states";
import { Cell, Row, rowLink, Table } from "@/ui/table";
import { At } from "@/ui/time";

const AppDialog = lazy(() => import("./app-dialog"));
const t = texts.apps;

export default function Apps() {
  const [address, change] = useAddress();
  const [making, setMaking] = useState(false);
  const { manage } = useRights();
  const go = useGo();
  const list = useApps(useSettled(address.q ?? ""));
  const create = manage && (
    <Button kind="primary" icon={<Plus aria-hidden />} onClick={() => setMaking(true)}>
      {t.create}
    </Button>
  );
  return (
    <Page title={t.title} subtitle={t.subtitle} actions={create}>
      <SearchInput
        label={t.search}
        defaultValue={address.q ?? ""}
        onChange={(event) => change({ q: event.target.value })}
        className="max-w-md"
      />
      <Card flush>
        <ListFrame
          list={list}
          empty={
            <Empty
              icon={<AppWindow aria-hidden />}
              title={address.q ? t.noMatch : t.empty}
              action={!address.q && create}
            >
              {!address.q && t.emptyHint}
            </Empty>
          }
        >
          {(rows) => (
            <Table
              caption={t.caption}
              columns={[
                { label: t.columns.name },
                { label: t.columns.uid, from: "sm" },
                { label: t.columns.throttle, right: true, from: "md" },
                { label: t.columns.created, right: true },
              ]}
            >
              {rows.map((app) => (
                <AppRow key={app.id} app={app} />
              ))}
            </Table>
          )}
        </ListFrame>
      </Card>
      <Suspense>
        {making && (
          <AppDialog
            app={null}
            onClose={() => setMaking(false)}
            onMade={(app) => go(`/console/applications/${app.id}/endpoints`)}
          />
        )}
      </Suspense>
    </Page>
  );
}

function AppRow({ app }: { app: App }) {
  return (
    <Row>
      <Cell className="w-1/2 max-w-0">
        <Link to={`/console/applications/${app.id}`} className={rowLink}>
          <span className="block truncate">{app.name}</span>
        </Link>
        <span className="block truncate font-mono text-xs text-muted">{app.id}</span>
      </Cell>
      <Cell from="sm">{app.uid && <Mono text={app.uid} />}</Cell>
      <Cell right from="md">
        {app.throttleRate ? texts.endpoints.page.perSecond(app.throttleRate) : "–"}
      </Cell>
      <Cell right>
        <At time={app.createdAt} />
      </Cell>
    </Row>
  );
}

import { useRouterState } from "@tanstack/react-router";
import { BookOpen } from "lucide-react";
import { useMemo, useState } from "react";
import { useEventTypes } from "@/api/event-types";
import { wholeList } from "@/api/lists";
import { Link, useAddress } from "@/shell/link";
import { texts } from "@/texts";
import { Badge } from "@/ui/badge";
import { cx } from "@/ui/cx";
import { grouped } from "@/ui/event-tree";
import { SearchInput } from "@/ui/field";
import { Card, Page } from "@/ui/layout";
import { ListFrame } from "@/ui/list-frame";
import { Empty } from "@/ui/states";
import { EventTypeView } from "./event-type-view";

const t = texts.catalogue;

/** What can happen: every event type with its description, schema and examples. */
export default function Catalogue() {
  const query = useEventTypes();
  const [search, setSearch] = useState("");
  const [address] = useAddress();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const groups = useMemo(
    () =>
      grouped(
        (query.data ?? []).map((type) => ({ ...type, group: type.groupName })),
        search,
      ),
    [query.data, search],
  );
  const chosen = address.name ?? groups[0]?.types[0]?.name ?? null;
  return (
    <Page title={t.title} subtitle={t.subtitle}>
      <ListFrame
        list={wholeList(query)}
        lines={6}
        ownCards
        empty={
          <Empty icon={<BookOpen aria-hidden />} title={t.empty}>
            {t.portalEmptyHint}
          </Empty>
        }
      >
        {() => (
          <div className="grid items-start gap-5 md:grid-cols-[17rem_minmax(0,1fr)]">
            <div className="flex flex-col gap-2 md:sticky md:top-4">
              <SearchInput
                label={t.search}
                value={search}
                onChange={(event) => setSearch(event.target.value)}
              />
              <nav
                aria-label={t.title}
                className="max-h-[70dvh] overflow-y-auto rounded-lg border border-line bg-surface p-1.5 max-md:max-h-60"
              >
                {groups.length === 0 && <p className="px-2 py-3 text-sm text-muted">{t.noMatch}</p>}
                {groups.map((group) => (
                  <div key={group.name} className="pb-2 last:pb-0">
                    <div className="px-2 py-1 text-xs font-medium text-faint">
                      {group.name || t.ungrouped}
                    </div>
                    {group.types.map((type) => (
                      <Link
                        key={type.name}
                        to={path}
                        search={{ name: type.name }}
                        className={cx(
                          "flex items-center justify-between gap-2 rounded-md px-2 py-1 font-mono text-xs hover:bg-hover",
                          type.name === chosen && "bg-accent-soft text-accent-text",
                        )}
                      >
                        <span className="truncate">{type.name}</span>
                        {type.deprecated && <Badge tone="warn">{t.deprecated}</Badge>}
                      </Link>
                    ))}
                  </div>
                ))}
              </nav>
            </div>
            {chosen ? (
              <EventTypeView name={chosen} />
            ) : (
              <Card flush>
                <Empty title={t.choose} />
              </Card>
            )}
          </div>
        )}
      </ListFrame>
    </Page>
  );
}

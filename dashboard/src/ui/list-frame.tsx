import type { ReactNode } from "react";
import { texts } from "@/texts";
import { Button } from "./button";
import { Card } from "./layout";
import { Failed, Loading } from "./states";

interface MoreProps {
  hasMore: boolean;
  loading: boolean;
  onMore: () => void;
}

/** The rest of a list, a page at a time. */
export function More({ hasMore, loading, onMore }: MoreProps) {
  if (!hasMore) return null;
  return (
    <div className="flex justify-center border-t border-line p-2">
      <Button kind="ghost" small busy={loading} onClick={onMore}>
        {texts.common.more}
      </Button>
    </div>
  );
}

interface ListFrameProps<T> {
  list: {
    rows: T[] | undefined;
    error: unknown;
    retry: () => void;
    hasMore?: boolean;
    isLoadingMore?: boolean;
    more?: () => void;
  };
  /** What is said where there are none. */
  empty: ReactNode;
  /** How many lines are drawn while it is on its way. */
  lines?: number;
  /** Its rows bring cards of their own: what stands in their place gets one. */
  ownCards?: boolean;
  children: (rows: T[]) => ReactNode;
}

/** What every list is shown in: failed, on its way, empty, or its rows, a page at a time. */
export function ListFrame<T>({ list, empty, lines, ownCards, children }: ListFrameProps<T>) {
  const framed = (content: ReactNode) => (ownCards ? <Card flush>{content}</Card> : content);
  if (list.error) return framed(<Failed error={list.error} retry={list.retry} />);
  if (!list.rows) return framed(<Loading lines={lines} />);
  if (list.rows.length === 0 && !list.hasMore) return framed(empty);
  return (
    <>
      {children(list.rows)}
      {list.more && (
        <More
          hasMore={list.hasMore ?? false}
          loading={list.isLoadingMore ?? false}
          onMore={list.more}
        />
      )}
    </>
  );
}

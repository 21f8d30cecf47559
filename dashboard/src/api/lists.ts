import { type InfiniteData, keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { ok } from "./client";

interface PageOf<T> {
  data: T[];
  iterator: string | null;
  done: boolean;
}

/** The client types lists of pairs as lists of lists, so a page is taken by its outline here. */
interface Call {
  data?: { iterator?: string | null; done: boolean; data: unknown[] };
  error?: unknown;
  response: Response;
}

type Interval = number | false;

interface ListOptions<T> {
  enabled?: boolean;
  /** After how many milliseconds it is asked for again, or how that follows from its rows. */
  refetchInterval?: Interval | ((rows: T[]) => Interval);
  /** Shows the answer to the question before while the next one is on its way. */
  keepsPrevious?: boolean;
}

/** A list of the API, a page at a time. */
export function useList<T>(
  key: readonly unknown[],
  fetchPage: (iterator: string | undefined) => Promise<Call>,
  { keepsPrevious, refetchInterval = false, ...options }: ListOptions<T> = {},
) {
  const query = useInfiniteQuery<
    PageOf<T>,
    Error,
    InfiniteData<PageOf<T>>,
    readonly unknown[],
    string | undefined
  >({
    queryKey: key,
    queryFn: ({ pageParam }) => ok(fetchPage(pageParam)) as Promise<PageOf<T>>,
    initialPageParam: undefined,
    getNextPageParam: (last) => (last.done ? undefined : (last.iterator ?? undefined)),
    ...options,
    refetchInterval: (query) =>
      typeof refetchInterval === "function"
        ? refetchInterval(query.state.data?.pages.flatMap((page) => page.data) ?? [])
        : refetchInterval,
    placeholderData: keepsPrevious ? keepPreviousData : undefined,
  });
  return {
    rows: query.data?.pages.flatMap((page) => page.data),
    pages: query.data?.pages.length ?? 0,
    error: query.error,
    isPending: query.isPending,
    hasMore: query.hasNextPage,
    isLoadingMore: query.isFetchingNextPage,
    more: () => void query.fetchNextPage(),
    retry: () => void query.refetch(),
  };
}

/** Pages that are asked for by themselves at most. */
const MOST_PAGES = 5;

/**
 * Goes on while a list has fewer than so many rows: where the server looks at a bounded number
 * of them a page may hold none of those that are sought. Says whether it does.
 */
export function useSeeking<T>(list: List<T>, few: number): boolean {
  const { rows, pages, hasMore, isLoadingMore, more } = list;
  const isSeeking = rows !== undefined && rows.length < few && hasMore && pages < MOST_PAGES;
  useEffect(() => {
    if (isSeeking && !isLoadingMore) more();
  }, [isSeeking, isLoadingMore, more]);
  return isSeeking;
}

export type List<T> = ReturnType<typeof useList<T>>;

interface Query<T> {
  data?: T[];
  error: Error | null;
  refetch: () => unknown;
}

/** A list that comes as a whole, in the same shape. */
export function wholeList<T>({ data, error, refetch }: Query<T>) {
  return { rows: data, error, retry: () => void refetch() };
}

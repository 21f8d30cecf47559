import { useEffect, useState } from "react";
import { dayAndTime, full, relative } from "@/texts/format";

/** The time now, read again every so often. */
export function useNow(everyMs = 10_000): Date {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const timer = setInterval(() => setNow(new Date()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

/** A time, as far from now as it is; in full when pointed at. */
export function Ago({ time, everyMs }: { time: string; everyMs?: number }) {
  const now = useNow(everyMs);
  const date = new Date(time);
  return (
    <time dateTime={time} title={full(date)} className="whitespace-nowrap">
      {relative(date, now)}
    </time>
  );
}

/** A time as day and minute. */
export function At({ time, precise }: { time: string; precise?: boolean }) {
  const date = new Date(time);
  return (
    <time dateTime={time} title={full(date)} className="whitespace-nowrap">
      {precise ? full(date) : dayAndTime(date)}
    </time>
  );
}

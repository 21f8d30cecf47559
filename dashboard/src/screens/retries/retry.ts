import type { Schemas } from "@/api/client";

export type RetryPolicy = Schemas["RetryPolicySchema"];

const DAY = 86_400;
/** The delays that a schedule may have. */
export const MOST_DELAYS = 100;

/** What an exponential policy has where nothing is said. */
export const BEGINS = { initial: 5, factor: 3, maxInterval: 21_600, horizon: 3 * DAY };

export interface Plan {
  /** Seconds after the first attempt, jitter and the time of answers apart. */
  times: number[];
  /** Whether more follow than are listed. */
  more: boolean;
  /** How long after the first attempt the last one is made. */
  end: number;
}

/** When the attempts of a failing delivery are made. */
export function planOf(policy: RetryPolicy): Plan {
  if (policy.type === "schedule") {
    let at = 0;
    const times = [0, ...policy.seconds.map((delay) => (at += delay))];
    return { times, more: false, end: at };
  }
  const horizon = policy.horizonSeconds ?? BEGINS.horizon;
  const times = [0];
  let delay = policy.initialSeconds ?? BEGINS.initial;
  for (let at = delay; at < horizon && times.length <= MOST_DELAYS; at += delay) {
    times.push(at);
    delay = Math.min(
      delay * (policy.factor ?? BEGINS.factor),
      policy.maxIntervalSeconds ?? BEGINS.maxInterval,
    );
  }
  const more = times.length > MOST_DELAYS;
  if (!more) times.push(horizon);
  return { times, more, end: horizon };
}

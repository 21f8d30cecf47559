import { compact, count } from "./format";

/** So many of something, in words: one of it has a word of its own. */
export const counted = (n: number, one: string, many = `${one}s`) =>
  `${count(n)} ${n === 1 ? one : many}`;

/** The same, large numbers shortened. */
export const compactly = (n: number, one: string, many = `${one}s`) =>
  `${compact(n)} ${n === 1 ? one : many}`;

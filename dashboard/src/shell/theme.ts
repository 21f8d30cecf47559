import { useSyncExternalStore } from "react";
import type { Schemas } from "@/api/client";
import { contrast, hex, mix, parseColour, readableOn } from "./colour";

export type Mode = Schemas["ThemeModeSchema"];
export type Face = Exclude<Mode, "system">;
export const FACES: Face[] = ["light", "dark"];

const KEY = "postrider.theme";
const system = () => matchMedia("(prefers-color-scheme: dark)");

let chosen: Mode | null = null;
let offered: Mode = "system";
let brand: Brand = {};
const listeners = new Set<() => void>();

/** What an organisation makes the portal look like. */
export interface Brand {
  primaryColor?: string | null;
  backgroundColor?: string | null;
  textColor?: string | null;
}

function face(): Face {
  const mode = chosen ?? offered;
  if (mode !== "system") return mode;
  return system().matches ? "dark" : "light";
}

/** Of the tokens, what a brand is measured against; `faint` is the palest text. */
const GROUNDS: Record<Face, { surface: string; bg: string; faint: string }> = {
  light: { surface: "#ffffff", bg: "#f7f8fa", faint: "#626976" },
  dark: { surface: "#14171c", bg: "#0d0f13", faint: "#949ca9" },
};

/** The tokens that follow from a brand, on one face. Text stays readable whatever is chosen. */
export function brandTokens(chosenBrand: Brand, on: Face): Record<string, string> {
  const tokens: Record<string, string> = {};
  const ground = (name: "surface" | "bg" | "faint") =>
    parseColour(GROUNDS[on][name]) ?? [255, 255, 255];
  let bg = ground("bg");
  // A background of their own belongs to the face that it fits.
  const background = parseColour(chosenBrand.backgroundColor ?? "");
  const fits = (colour: [number, number, number]) => contrast(colour, ground("faint")) >= 4.5;
  if (background && fits(background)) {
    bg = background;
    tokens["--bg"] = hex(background);
  }
  const text = parseColour(chosenBrand.textColor ?? "");
  if (text && contrast(text, ground("surface")) >= 7 && contrast(text, bg) >= 7) {
    tokens["--text"] = hex(text);
  }
  const primary = parseColour(chosenBrand.primaryColor ?? "");
  if (primary) {
    const surface = ground("surface");
    const soft = mix(primary, surface, on === "light" ? 0.9 : 0.8);
    const onWhite = contrast(primary, [255, 255, 255]) >= 4.5;
    const onAccent: [number, number, number] = onWhite ? [255, 255, 255] : [16, 18, 22];
    const accent =
      onWhite || contrast(primary, onAccent) >= 4.5 ? primary : mix(primary, [255, 255, 255], 0.3);
    tokens["--accent"] = hex(accent);
    tokens["--accent-hover"] = hex(mix(accent, onWhite ? [0, 0, 0] : [255, 255, 255], 0.12));
    tokens["--on-accent"] = hex(onAccent);
    tokens["--accent-soft"] = hex(soft);
    tokens["--accent-text"] = hex(readableOn(primary, [surface, bg, soft]));
  }
  return tokens;
}

/** The faces on which a colour of the brand is used; on the others it could not be read. */
export function facesOf(chosenBrand: Brand, name: "backgroundColor" | "textColor"): Face[] {
  const token = name === "backgroundColor" ? "--bg" : "--text";
  return FACES.filter((on) => brandTokens(chosenBrand, on)[token] !== undefined);
}

const BRANDED = [
  "--bg",
  "--text",
  "--accent",
  "--accent-hover",
  "--on-accent",
  "--accent-soft",
  "--accent-text",
];

/** Puts tokens on an element, through the object model: the page's policy refuses style attributes. */
export function putTokens(element: HTMLElement, tokens: Record<string, string>) {
  for (const name of BRANDED) {
    const value = tokens[name];
    if (value === undefined) element.style.removeProperty(name);
    else element.style.setProperty(name, value);
  }
}

function show() {
  const root = document.documentElement;
  root.dataset.theme = face();
  putTokens(root, brandTokens(brand, face()));
  for (const listener of listeners) listener();
}

export function startTheme() {
  try {
    const stored = localStorage.getItem(KEY);
    if (stored === "light" || stored === "dark" || stored === "system") chosen = stored;
  } catch {
    // A frame may be refused storage: the theme then follows the system.
  }
  system().addEventListener("change", show);
  show();
}

export function chooseMode(mode: Mode) {
  chosen = mode;
  try {
    localStorage.setItem(KEY, mode);
  } catch {
    // For this page only, then.
  }
  show();
}

/** What the organisation wants, as far as the reader has not chosen. */
export function offerTheme(mode: Mode, theirs: Brand) {
  offered = mode;
  brand = theirs;
  show();
}

export function useMode(): Mode {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => chosen ?? offered,
  );
}

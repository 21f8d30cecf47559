import { expect, test } from "vitest";
import { contrast, parseColour } from "./colour";
import { brandTokens } from "./theme";

const rgb = (text: string | undefined) => parseColour(text ?? "") ?? [-1, -1, -1];

test("contrast is what WCAG defines", () => {
  expect(contrast([0, 0, 0], [255, 255, 255])).toBeCloseTo(21, 5);
  expect(contrast([119, 119, 119], [255, 255, 255])).toBeCloseTo(4.48, 2);
  expect(parseColour("#abc")).toEqual([170, 187, 204]);
  expect(parseColour("red")).toBeNull();
});

test("whatever accent an organisation chooses, text can be read on both faces", () => {
  const grounds = { light: ["#ffffff", "#f7f8fa"], dark: ["#14171c", "#0d0f13"] } as const;
  for (const primaryColor of ["#ffff00", "#000000", "#ffffff", "#7f7f7f", "#e01b84", "#00c2a8"]) {
    for (const face of ["light", "dark"] as const) {
      const tokens = brandTokens({ primaryColor }, face);
      const of = (name: string) => rgb(tokens[name]) as [number, number, number];
      const name = `${primaryColor} ${face}`;
      expect(contrast(of("--accent"), of("--on-accent")), name).toBeGreaterThanOrEqual(4.5);
      expect(contrast(of("--accent-hover"), of("--on-accent")), name).toBeGreaterThanOrEqual(4.5);
      for (const ground of [...grounds[face], tokens["--accent-soft"]]) {
        expect(contrast(of("--accent-text"), rgb(ground) as never), name).toBeGreaterThanOrEqual(
          4.5,
        );
      }
    }
  }
});

test("a background or text colour that would hide something is not taken", () => {
  expect(brandTokens({ backgroundColor: "#202020" }, "light")).toEqual({});
  expect(brandTokens({ backgroundColor: "#202020" }, "dark")["--bg"]).toBe("#202020");
  expect(brandTokens({ textColor: "#999999" }, "light")).toEqual({});
  expect(brandTokens({ textColor: "#222244" }, "light")["--text"]).toBe("#222244");
});

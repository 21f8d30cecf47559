import { useEffect, useRef } from "react";
import type { Settings } from "@/api/operator";
import { brandTokens, FACES, type Face, putTokens } from "@/shell/theme";
import { texts } from "@/texts";
import { Badge } from "@/ui/badge";
import { buttonClass } from "@/ui/button";

const t = texts.settings;

/** The portal in small, on each face that the theme lets it have. */
export function ThemePreview({ theme }: { theme: Settings["theme"] }) {
  const faces = theme.mode === "system" ? FACES : [theme.mode];
  return (
    <section aria-label={t.preview} className="flex min-w-0 flex-col gap-3">
      <span className="text-sm font-medium">{t.preview}</span>
      {faces.map((face) => (
        <Preview key={face} theme={theme} face={face} />
      ))}
    </section>
  );
}

function Preview({ theme, face }: { theme: Settings["theme"]; face: Face }) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (box.current) putTokens(box.current, brandTokens(theme, face));
  }, [theme, face]);
  const logo = theme.logoUrl?.startsWith("https://") ? theme.logoUrl : null;
  return (
    // It can be looked at, not worked with.
    <div
      ref={box}
      data-face={face}
      inert
      className="preview overflow-hidden rounded-lg border border-line bg-bg text-text"
    >
      <div className="flex items-center gap-2.5 border-b border-line bg-surface px-4 py-3">
        {logo && <img src={logo} alt="" className="h-6 max-w-24 object-contain" />}
        <span className="truncate text-sm font-semibold">
          {theme.name ?? texts.session.portal.title}
        </span>
        <span className="ml-auto text-xs text-muted">{t.modes[face]}</span>
      </div>
      <div className="flex flex-col gap-3 p-4">
        <div className="flex items-center justify-between gap-2">
          <span className="text-base font-semibold">{t.previewTitle}</span>
          <span className={buttonClass("primary", true)}>{texts.endpoints.create}</span>
        </div>
        <div className="flex items-center justify-between gap-2 rounded-md border border-line bg-surface px-3 py-2 text-sm">
          <span className="truncate font-medium">{t.previewRow}</span>
          <Badge tone="ok" dot>
            {texts.endpoints.health.healthy}
          </Badge>
        </div>
        <span className="text-sm text-accent-text underline">{texts.nav.messages}</span>
      </div>
    </div>
  );
}

import { useState } from "react";
import { chooseMode, useMode } from "@/shell/theme";
import { texts } from "@/texts";
import { Button } from "@/ui/button";
import { Segments } from "@/ui/field";
import { Card, Page } from "@/ui/layout";
import { Controls } from "./controls";
import { Shapes } from "./shapes";

const t = texts.gallery;

/** Every component in every state, on one page. Open to everybody: it shows nothing but itself. */
export default function Gallery() {
  const mode = useMode();
  const [count, setCount] = useState(0);
  return (
    <main>
      <Page
        title={t.title}
        subtitle={t.hint}
        actions={
          <>
            <Segments
              label={texts.nav.theme}
              value={mode}
              onChange={chooseMode}
              options={[
                { value: "light", label: texts.nav.themeLight },
                { value: "dark", label: texts.nav.themeDark },
                { value: "system", label: texts.nav.themeSystem },
              ]}
            />
            <Button onClick={() => setCount(count + 1)}>{count}</Button>
          </>
        }
      >
        <Controls />
        <Shapes />
        <Card title="Colours" flush>
          <div className="grid grid-cols-3 gap-px sm:grid-cols-6">
            {SWATCHES.map(([name, look]) => (
              <div key={name} className={`p-3 text-xs ${look}`}>
                {name}
              </div>
            ))}
          </div>
        </Card>
      </Page>
    </main>
  );
}

const SWATCHES = [
  ["bg", "bg-bg text-text"],
  ["surface", "bg-surface text-text"],
  ["sunken", "bg-sunken text-muted"],
  ["hover", "bg-hover text-muted"],
  ["accent", "bg-accent text-on-accent"],
  ["accent-soft", "bg-accent-soft text-accent-text"],
  ["ok-soft", "bg-ok-soft text-ok"],
  ["warn-soft", "bg-warn-soft text-warn"],
  ["bad-soft", "bg-bad-soft text-bad"],
  ["muted", "bg-surface text-muted"],
  ["faint", "bg-surface text-faint"],
  ["faint on bg", "bg-bg text-faint"],
];

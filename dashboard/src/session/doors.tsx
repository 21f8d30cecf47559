import { type FormEvent, useState } from "react";
import { ApiProblem } from "@/api/problem";
import { texts } from "@/texts";
import { Button } from "@/ui/button";
import { Code } from "@/ui/code";
import { Field, Input } from "@/ui/field";
import { Mark } from "@/ui/mark";
import { Note } from "@/ui/states";
import { signIn } from "./start";

type Because = "never" | "ended" | "badLink" | "loggedOut";

/** Where an operator shows a key. */
export function ConsoleDoor({ because }: { because: Because }) {
  const [key, setKey] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const t = texts.session;
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await signIn(key.trim());
    } catch (problem) {
      const unknown = problem instanceof ApiProblem && problem.status === 401;
      setError(unknown ? t.wrong : problem instanceof Error ? problem.message : String(problem));
      setBusy(false);
    }
  };
  return (
    <main className="mx-auto flex min-h-dvh w-full max-w-sm flex-col justify-center gap-6 px-5 py-10">
      <div className="flex flex-col gap-3">
        <Mark className="size-9" />
        <h1 className="text-xl font-semibold tracking-tight">{t.title}</h1>
        <p className="text-sm text-muted">{t.hint}</p>
      </div>
      {because !== "never" && (
        <Note tone={because === "badLink" ? "warn" : "info"}>{t[because]}</Note>
      )}
      <form onSubmit={submit} className="flex flex-col gap-4">
        <Field label={t.key} error={error}>
          {(described) => (
            <Input
              {...described}
              mono
              type="password"
              required
              autoFocus
              placeholder={t.keyPlaceholder}
              value={key}
              onChange={(event) => setKey(event.target.value)}
            />
          )}
        </Field>
        <Button kind="primary" type="submit" busy={busy} disabled={key.trim() === ""}>
          {t.submit}
        </Button>
      </form>
      <div className="flex flex-col gap-2 text-xs text-muted">
        <p>{t.howTo}</p>
        <Code code={t.command} label="Shell" />
        <p>{t.commandHint}</p>
      </div>
    </main>
  );
}

/** What a customer sees without a session: only a link lets in. */
export function PortalDoor({ because }: { because: Because }) {
  return (
    <main className="mx-auto flex min-h-dvh w-full max-w-sm flex-col justify-center gap-4 px-5 py-10 text-center">
      <h1 className="text-lg font-semibold tracking-tight">{texts.session.portal.title}</h1>
      <p className="text-sm text-muted">{texts.session.portal[because]}</p>
    </main>
  );
}

import { RotateCw } from "lucide-react";
import { useState } from "react";
import type { Schemas } from "@/api/client";
import { faultOf } from "@/api/problem";
import { texts } from "@/texts";
import { Button } from "@/ui/button";
import { Dialog } from "@/ui/dialog";
import { Field, Input, Select } from "@/ui/field";
import { toast } from "@/ui/toast";
import type { SchemeType } from "./scheme";

const t = texts.secret;
const DAY = 86_400;

interface RotateProps {
  rotate: {
    mutate: (
      body: Schemas["RotateIn"],
      options: { onSuccess: (answer: Schemas["SecretOut"]) => void },
    ) => void;
    isPending: boolean;
    error: Error | null;
  };
  /** Whose secret, where it is not the only one. */
  scheme?: SchemeType;
  /** Told what the server answers: until when the old secret signs, among others. */
  onRotated: (answer: Schemas["SecretOut"]) => void;
}

/** Where a delivery has room for one signature, the newest secret signs alone. */
const carriesSeveral = (scheme: SchemeType) => scheme === "standard" || scheme === "stripe";

/** Makes a new signing secret, with a while in which the old one still signs too. */
export function Rotate({ rotate, scheme = "standard", onRotated }: RotateProps) {
  const overlaps = carriesSeveral(scheme);
  const [open, setOpen] = useState(false);
  const [grace, setGrace] = useState(DAY);
  const [own, setOwn] = useState("");
  const submit = () =>
    rotate.mutate(
      { gracePeriodSeconds: overlaps ? grace : 0, key: own.trim() || undefined, scheme },
      {
        onSuccess: (answer) => {
          onRotated(answer);
          toast.ok(t.rotated);
          setOwn("");
          setOpen(false);
        },
      },
    );
  const fault = faultOf(rotate.error, "key");
  return (
    <>
      <Button small icon={<RotateCw aria-hidden />} onClick={() => setOpen(true)}>
        {t.rotate}
      </Button>
      <Dialog
        open={open}
        onClose={() => setOpen(false)}
        title={t.rotateTitle}
        hint={overlaps ? t.rotateText : t.rotateAtOnce}
        footer={
          <>
            <Button onClick={() => setOpen(false)}>{texts.common.cancel}</Button>
            <Button kind="primary" busy={rotate.isPending} onClick={submit}>
              {t.rotate}
            </Button>
          </>
        }
      >
        <div className="flex flex-col gap-4">
          {overlaps && (
            <Field label={t.grace}>
              {(described) => (
                <Select
                  {...described}
                  value={grace}
                  onChange={(event) => setGrace(Number(event.target.value))}
                >
                  {t.graces.map((choice) => (
                    <option key={choice.seconds} value={choice.seconds}>
                      {choice.label}
                    </option>
                  ))}
                </Select>
              )}
            </Field>
          )}
          <Field
            label={t.own}
            optional={texts.common.optional}
            hint={scheme === "standard" ? t.ownHint : t.ownTextHint}
            error={fault ?? rotate.error?.message}
          >
            {(described) => (
              <Input
                {...described}
                mono
                value={own}
                placeholder={scheme === "standard" ? "whsec_…" : undefined}
                onChange={(event) => setOwn(event.target.value)}
              />
            )}
          </Field>
        </div>
      </Dialog>
    </>
  );
}

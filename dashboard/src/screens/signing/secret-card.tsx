import { useState } from "react";
import { fetchSecret, useRotateSecret } from "@/api/endpoints";
import { useRights } from "@/session/store";
import { useScope } from "@/shell/scope";
import { texts } from "@/texts";
import { Card } from "@/ui/layout";
import { SecretField } from "@/ui/secret-field";
import { Note } from "@/ui/states";
import { Ago, At } from "@/ui/time";
import { Rotate } from "./rotate";
import type { SchemeType } from "./scheme";

const t = texts.secret;

interface SecretCardProps {
  endpoint: string;
  /** Each kind has a secret of its own. */
  scheme: SchemeType;
  /** The endpoint has others too: the title says whose this one is. */
  amongOthers: boolean;
}

/** A signing secret of an endpoint, and what is left of the one before it. */
export function SecretCard({ endpoint, scheme, amongOthers }: SecretCardProps) {
  const { app } = useScope();
  const rights = useRights();
  const rotate = useRotateSecret(app, endpoint);
  const [oldEnds, setOldEnds] = useState<string[]>([]);
  const [rotated, setRotated] = useState(false);
  // The field forgets what it shows when there is a new secret.
  const [turn, setTurn] = useState(0);
  const fetchIt = async () => {
    const answer = await fetchSecret(app, endpoint, scheme);
    setOldEnds(answer.replacedUntil);
    return answer;
  };
  return (
    <Card
      title={amongOthers ? texts.signature.of(texts.signature.types[scheme]) : t.title}
      actions={
        rights.rotateSecret && (
          <Rotate
            rotate={rotate}
            scheme={scheme}
            onRotated={(answer) => {
              setOldEnds(answer.replacedUntil);
              setRotated(true);
              setTurn(turn + 1);
            }}
          />
        )
      }
    >
      <div className="flex flex-col gap-3">
        <SecretField
          key={turn}
          mayReveal={rights.seeSecret}
          fetchSecret={fetchIt}
          prefix={scheme === "standard" ? "whsec_" : ""}
        />
        {oldEnds.map((time) => (
          <Note key={time} tone="warn">
            {t.oldEnds} <At time={time} /> (<Ago time={time} />)
          </Note>
        ))}
        {rotated && oldEnds.length === 0 && <Note>{t.oldEnded}</Note>}
      </div>
    </Card>
  );
}

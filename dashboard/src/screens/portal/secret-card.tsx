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

const t = texts.secret;

/** The signing secret of an endpoint, and what is left of the one before it. */
export function SecretCard({ endpoint }: { endpoint: string }) {
  const { app } = useScope();
  const rights = useRights();
  const rotate = useRotateSecret(app, endpoint);
  const [oldEnds, setOldEnds] = useState<Date | null>(null);
  // The field forgets what it shows when there is a new secret.
  const [turn, setTurn] = useState(0);
  const ended = oldEnds !== null && oldEnds.getTime() <= Date.now();
  return (
    <Card
      title={t.title}
      actions={
        rights.rotateSecret && (
          <Rotate
            rotate={rotate}
            onRotated={(until) => {
              setOldEnds(until);
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
          fetchSecret={() => fetchSecret(app, endpoint)}
        />
        {oldEnds && (
          <Note tone={ended ? "info" : "warn"}>
            {ended ? (
              t.oldEnded
            ) : (
              <>
                {t.oldEnds} <At time={oldEnds.toISOString()} /> (
                <Ago time={oldEnds.toISOString()} />)
              </>
            )}
          </Note>
        )}
      </div>
    </Card>
  );
}

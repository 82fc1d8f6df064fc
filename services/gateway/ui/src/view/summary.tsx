/** The numbers of everything that is shown, and of the queue where there is one. */
import type { ComponentChildren, JSX } from "preact";
import { readQueue } from "../api/system.ts";
import type { QueueStatus } from "../api/types.ts";
import { usePolling } from "../hooks/use-polling.ts";
import { formatErrors, formatNumber } from "../model/format.ts";
import type { Totals } from "../model/rows.ts";
import { ErrorNotice } from "./error-notice.tsx";

export function Summary({ totals }: { totals: Totals | undefined }): JSX.Element {
  const queue = usePolling("queue", readQueue);
  return (
    <section class="summary" aria-label="Summary">
      <Tile label="Functions">{totals?.functions ?? "–"}</Tile>
      <Tile label="Replicas ready">
        {totals === undefined ? "–" : `${totals.ready} / ${totals.desired}`}
      </Tile>
      <Tile label="Calls per second">
        {totals === undefined ? "–" : formatNumber(totals.callsPerSecond)}
      </Tile>
      <Tile label="Errors">
        {totals === undefined ? "–" : formatErrors(totals.errorsPerSecond, totals.callsPerSecond)}
      </Tile>
      {queue.value !== undefined && <QueueTile queue={queue.value} />}
      {queue.error !== undefined && (
        <div class="tile is-wide">
          <div class="tile-label">Queue</div>
          <ErrorNotice error={queue.error} />
        </div>
      )}
    </section>
  );
}

function Tile({ label, children }: { label: string; children: ComponentChildren }): JSX.Element {
  return (
    <div class="tile">
      <div class="tile-label">{label}</div>
      <div class="tile-value">{children}</div>
    </div>
  );
}

function QueueTile({ queue }: { queue: QueueStatus }): JSX.Element {
  const { name, pending, inFlight, redelivered } = queue;
  return (
    <div class="tile is-wide" role="group" aria-label={`Queue ${name}`}>
      <div class="tile-label">
        Queue <span class="muted">{name}</span>
      </div>
      <dl class="queue">
        <div>
          <dt>waiting</dt>
          <dd>{formatNumber(pending)}</dd>
        </div>
        <div>
          <dt>in flight</dt>
          <dd>{formatNumber(inFlight)}</dd>
        </div>
        <div>
          <dt>tried again</dt>
          <dd>{formatNumber(redelivered)}</dd>
        </div>
      </dl>
    </div>
  );
}

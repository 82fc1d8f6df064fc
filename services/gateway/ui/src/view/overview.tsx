/** A function's numbers, its scale, and all that was declared about it. */
import type { ComponentChildren, JSX } from "preact";
import { functionPath } from "../api/invoke.ts";
import { formatAge, formatErrors, formatNumber, formatSeconds } from "../model/format.ts";
import { HISTORY_LENGTH, type Row } from "../model/rows.ts";
import { CopyButton } from "./copy-button.tsx";
import { ScaleForm } from "./scale-form.tsx";
import { Sparkline } from "./sparkline.tsx";

export interface OverviewProps {
  row: Row;
  tell: (message: string) => void;
  onChange: () => void;
}

export function Overview({ row, tell, onChange }: OverviewProps): JSX.Element {
  const url = new URL(functionPath(row), location.href).href;
  return (
    <>
      <Figures row={row} />
      <div class="url">
        <code>{url}</code>
        <CopyButton text={url} label="Copy the URL" />
      </div>
      <ScaleForm row={row} tell={tell} onChange={onChange} />
      <Declaration row={row} />
    </>
  );
}

function Figures({ row: { stats, history } }: { row: Row }): JSX.Element {
  const calls = stats?.callsPerSecond ?? 0;
  return (
    <dl class="figures">
      <div class="is-chart">
        <dt>Calls/s</dt>
        <dd>
          {stats === undefined ? "–" : formatNumber(calls)}
          <Sparkline values={history} length={HISTORY_LENGTH} />
        </dd>
      </div>
      <Figure label="Errors">{formatErrors(stats?.errorsPerSecond ?? 0, calls)}</Figure>
      <Figure label="p50">{formatSeconds(stats?.p50Seconds)}</Figure>
      <Figure label="p95">{formatSeconds(stats?.p95Seconds)}</Figure>
      {stats?.inFlight !== undefined && (
        <Figure label="In flight">{formatNumber(stats.inFlight)}</Figure>
      )}
    </dl>
  );
}

function Figure({ label, children }: { label: string; children: ComponentChildren }): JSX.Element {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Declaration({ row: { description } }: { row: Row }): JSX.Element {
  const { createdAt, limits, requests, secrets, invocationCount } = description;
  return (
    <dl class="declaration">
      <dt>Image</dt>
      <dd>
        <code>{description.image}</code>
      </dd>
      {description.code !== undefined && (
        <Item label="Code">
          <code>{description.code.configMap}</code>
        </Item>
      )}
      <dt>Created</dt>
      <dd>
        <time dateTime={createdAt} title={createdAt}>
          {formatAge(createdAt, Date.now())}
        </time>
      </dd>
      {invocationCount !== undefined && <Item label="Calls">{formatNumber(invocationCount)}</Item>}
      {description.envProcess !== undefined && (
        <Item label="Process">
          <code>{description.envProcess}</code>
        </Item>
      )}
      <Item label="Labels">{toPairs(description.labels)}</Item>
      <Item label="Annotations">{toPairs(description.annotations)}</Item>
      <Item label="Environment">{toNames(Object.keys(description.envVars ?? {}))}</Item>
      <Item label="Secrets">{toNames(secrets ?? [])}</Item>
      <Item label="Limits">{toPairs(limits)}</Item>
      <Item label="Requests">{toPairs(requests)}</Item>
      {description.readOnlyRootFilesystem === true && <Item label="File system">read only</Item>}
    </dl>
  );
}

function Item({ label, children }: { label: string; children: ComponentChildren }): JSX.Element {
  return (
    <>
      <dt>{label}</dt>
      <dd>{children ?? <span class="muted">none</span>}</dd>
    </>
  );
}

function toPairs(pairs: Readonly<Record<string, string>> | undefined): JSX.Element | undefined {
  const entries = Object.entries(pairs ?? {});
  return entries.length === 0 ? undefined : (
    <ul class="tags">
      {entries.map(([name, value]) => (
        <li key={name}>
          <code>
            {name}={value}
          </code>
        </li>
      ))}
    </ul>
  );
}

/** Values of the environment are not shown: people put there what others should not see. */
function toNames(names: readonly string[]): JSX.Element | undefined {
  return names.length === 0 ? undefined : (
    <ul class="tags">
      {names.map((name) => (
        <li key={name}>
          <code>{name}</code>
        </li>
      ))}
    </ul>
  );
}

/** Makes the streams of the queue, and gives those that are there the settings of today. */
import { JetStreamApiError, type JetStreamManager, type StreamConfig } from "@nats-io/jetstream";
import {
  BODIES,
  STREAMS,
  type StreamSettings,
  type StreamTerms,
  toBodyAge,
  toStreamTerms,
} from "../../../contract/queue/index.ts";

/** JetStream's `stream not found`. */
const STREAM_NOT_FOUND = 10_059;

/** What a stream cannot change. */
const FIXED = ["retention", "storage"] as const;

/** Makes what is missing; resolves with the names of the streams that it has made. */
export async function ensureStreams(
  manager: JetStreamManager,
  terms: StreamTerms = {},
): Promise<string[]> {
  const made: string[] = [];
  for (const usual of STREAMS) {
    if (await ensureStream(manager, { ...usual, ...toStreamTerms(usual.name, terms) })) {
      made.push(usual.name);
    }
  }
  return made;
}

/** Gives the stream of the object store what the terms say; `BodyStore` makes it. */
export async function updateBodies(manager: JetStreamManager, terms: StreamTerms): Promise<void> {
  const name = BODIES.stream;
  const { config } = await manager.streams.info(name);
  const wanted = { ...toStreamTerms(name, terms), max_age: toBodyAge(terms) };
  await update(manager, config, wanted);
}

async function ensureStream(manager: JetStreamManager, settings: StreamSettings): Promise<boolean> {
  const existing = await findStream(manager, settings.name);
  if (existing === undefined) {
    await addStream(manager, settings);
    return true;
  }
  const wanted = withFallbacks(settings, existing);
  for (const field of FIXED) {
    if (existing[field] !== wanted[field]) {
      const words = `expected ${wanted[field]}, got ${existing[field]}`;
      throw new Error(`stream ${settings.name}: ${field}: ${words}, which cannot be changed`);
    }
  }
  await update(manager, existing, wanted);
  return false;
}

async function update(
  manager: JetStreamManager,
  existing: StreamConfig,
  wanted: Partial<StreamSettings>,
): Promise<void> {
  const changes = Object.entries(wanted).filter(
    ([field, value]) =>
      JSON.stringify(existing[field as keyof StreamConfig]) !== JSON.stringify(value),
  );
  if (changes.length > 0) {
    await manager.streams.update(existing.name, Object.fromEntries(changes));
  }
}

/** What a server has that could not give what was asked of it, see `addStream`. */
function withFallbacks(settings: StreamSettings, existing: StreamConfig): StreamSettings {
  if (settings.storage === "memory") {
    return { ...settings, storage: existing.storage };
  }
  const isShared = settings.max_bytes !== undefined && existing.max_bytes === -1;
  return isShared ? { ...settings, max_bytes: -1 } : settings;
}

/**
 * A server that gives no memory keeps on disk what could be forgotten; one that is too small to set
 * room aside has it in what there is for all streams.
 */
async function addStream(manager: JetStreamManager, settings: StreamSettings): Promise<void> {
  try {
    await manager.streams.add(settings);
  } catch (error) {
    if (settings.storage === "memory") {
      await manager.streams.add({ ...settings, storage: "file" });
    } else if (settings.max_bytes !== undefined) {
      await manager.streams.add({ ...settings, max_bytes: -1 });
    } else {
      throw error;
    }
  }
}

async function findStream(
  manager: JetStreamManager,
  name: string,
): Promise<StreamConfig | undefined> {
  try {
    return (await manager.streams.info(name)).config;
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === STREAM_NOT_FOUND) {
      return undefined;
    }
    throw error;
  }
}

/** Fills the form in with a function of the store; nothing where the gateway has no store. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { readStore, type StoreContent } from "../api/store.ts";
import { useAction } from "../hooks/use-action.ts";
import { type Offer, toOffers } from "../model/store.ts";
import { ErrorNotice } from "./error-notice.tsx";
import { TextField } from "./field.tsx";

export interface StoreChoiceProps {
  onChoose: (offer: Offer) => void;
}

export function StoreChoice({ onChoose }: StoreChoiceProps): JSX.Element | null {
  const [content, setContent] = useState<StoreContent>();
  const loading = useAction();
  const details = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const stop = new AbortController();
    loading.run(async () => setContent(await readStore(stop.signal)));
    return () => stop.abort();
  }, []);
  const choose = (offer: Offer): void => {
    onChoose(offer);
    details.current?.removeAttribute("open");
    details.current?.querySelector("summary")?.focus();
  };
  if (content === undefined && loading.error === undefined) {
    return null;
  }
  return (
    <details class="more-settings" ref={details}>
      <summary>Choose from the store</summary>
      <ErrorNotice error={loading.error} />
      {content !== undefined && <Offers content={content} onChoose={choose} />}
    </details>
  );
}

function Offers({ content, onChoose }: StoreChoiceProps & { content: StoreContent }): JSX.Element {
  const [search, setSearch] = useState("");
  const offers = toOffers(content.functions, content.platform, search);
  return (
    <>
      <TextField label="Search the store" value={search} onChange={setSearch} />
      {offers.length === 0 && (
        <p class="hint">
          {search.trim() === "" ? `There is nothing for ${content.platform}.` : "Nothing matches."}
        </p>
      )}
      <ul class="offers" aria-label="Functions of the store">
        {offers.map((offer) => (
          <li key={offer.name}>
            <button type="button" class="offer" onClick={() => onChoose(offer)}>
              <strong>{offer.title}</strong>
              <span class="hint">{offer.description}</span>
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}

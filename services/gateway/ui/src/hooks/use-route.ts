/** The route of the address's fragment. */
import { useLayoutEffect, useState } from "preact/hooks";
import { parseRoute, type Route, toHash } from "../model/route.ts";

export function useRoute(): [Route, (route: Route) => void] {
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  useLayoutEffect(() => {
    const follow = (): void => setRoute(parseRoute(location.hash));
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  const go = (next: Route): void => {
    location.hash = toHash(next);
  };
  return [route, go];
}

/** When a response is over, whichever way it ends. */
import type { IncomingMessage, ServerResponse } from "node:http";

/** Calls back once: when the response has been sent, or when its connection has ended before. */
export function onceClosed(
  request: IncomingMessage,
  response: ServerResponse,
  callback: () => void,
): void {
  if (response.socket !== null) {
    response.once("close", callback);
    return;
  }
  // It waits for the answers of earlier requests, and does not hear of the connection's end.
  let isOver = false;
  const finish = (): void => {
    request.socket.off("close", finish);
    if (!isOver) {
      isOver = true;
      callback();
    }
  };
  response.once("close", finish);
  request.socket.setMaxListeners(0).once("close", finish);
}

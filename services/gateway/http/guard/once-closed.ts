/** The end of a response, successful or not. */
import type { IncomingMessage, ServerResponse } from "node:http";

/** Calls back once: when the response has been sent, or when its connection closes before that. */
export function onceClosed(
  request: IncomingMessage,
  response: ServerResponse,
  callback: () => void,
): void {
  if (response.socket !== null) {
    response.once("close", callback);
    return;
  }
  // A pipelined response that waits for earlier ones gets no event when the connection closes.
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

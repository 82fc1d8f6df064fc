/** Names and limits of the queue of asynchronous calls (OpenFaaS Pro's names). */

export const QUEUE = {
  name: "faas-request",
  stream: "OF_faas-request",
  consumer: "faas-workers",
  subject: "faas-request",
  /** Largest queued message, bytes. */
  maxMessageBytes: 1024 * 1024,
} as const;

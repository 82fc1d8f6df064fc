/** How long a message of success is shown, milliseconds. */
export const MESSAGE_MS = 5000;

/**
 * Takes the SDK's source maps away again: it keeps a stack trace for every promise and looks each
 * line of it up, half a second in a run that changes nothing. Node runs this program as it is
 * written, so its own lines are right without.
 */
Reflect.deleteProperty(Error, "prepareStackTrace");

-- Makes wrk send a body of UPLOAD_BYTES with each call.
wrk.method = "POST"
wrk.body = string.rep("x", tonumber(os.getenv("UPLOAD_BYTES")))

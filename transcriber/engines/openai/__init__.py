"""Any endpoint that speaks OpenAI's audio API: parts are cut in a child process and sent from here."""

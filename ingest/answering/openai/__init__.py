"""The audio routes of OpenAI's API, as its SDKs and its documentation use them."""

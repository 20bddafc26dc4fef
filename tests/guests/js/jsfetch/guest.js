// A guest in JavaScript that reaches the network with JavaScript's own library. Outside, an export is not async: it
// returns when the promise is settled.

export async function fetchText(url) {
  return await orText(async () => {
    const response = await fetch(url);
    return [response.status, await response.text()];
  });
}

export async function postJson(url, json) {
  return await orText(async () => {
    const headers = { "content-type": "application/json" };
    const response = await fetch(url, { method: "POST", headers, body: json });
    return await response.text();
  });
}

// What is thrown here is the `err` of the result, so it has to be a string.
async function orText(work) {
  try {
    return await work();
  } catch (error) {
    throw String(error);
  }
}

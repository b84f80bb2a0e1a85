// Start Swagger UI with this api's specification.
//
// The Swagger UI of the package swagger-ui-bundle shows OpenAPI 3.0 and refuses 3.1. So it gets the
// document in the words of 3.0, which says less: the true one is openapi.json.

const OPENAPI_3_0 = "3.0.3"
const address = new URL("openapi.json", document.baseURI)

/** Return a copy of a part of the document in the words of OpenAPI 3.0. */
function in30(part) {
  if (Array.isArray(part)) return part.map(in30)
  if (part === null || typeof part !== "object") return part
  const copy = Object.fromEntries(Object.entries(part).map(([name, value]) => [name, in30(value)]))
  if (Array.isArray(copy.anyOf)) withoutNull(copy)
  if (Array.isArray(copy.prefixItems)) {
    copy.items = copy.prefixItems[0]
    delete copy.prefixItems
  }
  if (copy.const !== undefined) {
    copy.enum = [copy.const]
    delete copy.const
  }
  if (copy.type === "object" && Array.isArray(copy.examples)) {
    copy.example = part.examples[0]
    delete copy.examples
  }
  return copy
}

/** Replace the alternative `null` of a schema by `nullable`. */
function withoutNull(schema) {
  const others = schema.anyOf.filter((each) => each.type !== "null")
  if (others.length === schema.anyOf.length) return
  schema.nullable = true
  if (others.length > 1) {
    schema.anyOf = others
    return
  }
  delete schema.anyOf
  if (others[0].$ref) schema.allOf = others
  else Object.assign(schema, {...others[0], ...schema})
}

/** Say of each stream how to read it, because Swagger UI shows an answer only when it has ended. */
function explainStreams(spec) {
  for (const {get} of Object.values(spec.paths)) {
    if (get?.responses["200"].content?.["text/event-stream"]) {
      get.description += "\n\n**Try it out shows nothing until a stream ends: use `curl -N`.**"
    }
  }
}

function fail(text) {
  const line = document.createElement("p")
  line.className = "waiting"
  line.textContent = text
  document.getElementById("docs").replaceChildren(line)
}

try {
  const answer = await fetch(address)
  if (!answer.ok) throw new Error(`${address} answers ${answer.status}`)
  const spec = {...in30(await answer.json()), openapi: OPENAPI_3_0}
  // Swagger UI resolves a relative server against the page, which is in the same folder.
  spec.servers = spec.servers.map(({url}) => ({url: new URL(url, address).href.replace(/\/$/, "")}))
  explainStreams(spec)
  SwaggerUIBundle({
    spec,
    dom_id: "#docs",
    deepLinking: true,
    defaultModelsExpandDepth: 0,
    displayRequestDuration: true,
    // No request to another host.
    validatorUrl: null,
  })
} catch (error) {
  fail(`The specification cannot be shown: ${error.message}`)
}

// Print the JSON schema of a kind of the Gateway API: node gateway_schemas.js HTTPRoute
//
// The package registers its schemas for a check of its own, when that is first used.
"use strict";
const path = require("path");
const packages = path.resolve(__dirname, "../../../.venv-helm/node_modules/@kubernetes-models");
const schemas = {};
const checker = require.resolve("@kubernetes-models/validate", { paths: [packages] });
const real = require(checker);
require.cache[checker].exports = {
  ...real,
  register: (name, schema) => {
    schemas[name] = schema;
    return real.register(name, schema);
  },
};
const kind = process.argv[2];
const module_ = require(`${packages}/gateway-api/gateway.networking.k8s.io/v1/${kind}`);
try {
  new module_[kind]({}).validate();
} catch {
  // The empty object is invalid, but now the schemas are registered.
}
console.log(JSON.stringify(schemas[`gateway.networking.k8s.io.v1.${kind}`]));

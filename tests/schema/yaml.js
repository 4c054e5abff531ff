// usage: yaml.js FILE: a YAML file as JSON.
'use strict';
const fs = require('fs');
const YAML = require('yaml');

console.log(JSON.stringify(YAML.parse(fs.readFileSync(process.argv[2], 'utf8'))));

// SPDX-License-Identifier: Apache-2.0
// Preloaded into node inside the sandbox (NODE_OPTIONS): its own fetch goes through HTTP_PROXY, HTTPS_PROXY and NO_PROXY.
// From 22.21 and 24 on node does that itself (NODE_USE_ENV_PROXY). Until the first fetch nothing is loaded and nothing is changed
// but the function; a dispatcher that the program has set stays. If anything here fails, fetch is what it was.
'use strict';
try {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const env = process.env, variable = name => env[name] || env[name.toLowerCase()] || '';
  if (major >= 18 && major < 24 && !(major === 22 && minor >= 21) && (variable('HTTP_PROXY') || variable('HTTPS_PROXY'))) {
    const {fetch} = globalThis;
    let first = true;
    const ours = function (input, init = undefined) {
      if (first) {
        first = false;
        if (globalThis.fetch === ours) globalThis.fetch = fetch;
        try { install(); } catch { /* fetch as it is */ }
      }
      return fetch.call(this, input, init);
    };
    globalThis.fetch = Object.defineProperty(ours, 'name', {value: 'fetch'});
  }

  function install() {
    const key = Symbol.for('undici.globalDispatcher.1');
    if (globalThis[key]) return;  // the program's own
    void globalThis.Headers;      // loads node's undici, which sets its dispatcher
    const plain = globalThis[key];
    class ThroughProxy extends plain.constructor {
      dispatch(options, handler) {
        const url = new URL(options.origin);
        return proxyOf(url) ? super.dispatch(options, handler) : plain.dispatch(options, handler);
      }
    }
    globalThis[key] = new ThroughProxy({connect});
  }

  function proxyOf({protocol, hostname, port}) {
    const proxy = variable(protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY');
    const host = hostname.replace(/^\[|\]$/g, ''), at = port || (protocol === 'https:' ? '443' : '80');
    const past = variable('NO_PROXY').split(/[\s,]+/).some(entry => {
      const [, name, own] = /^\[?(.*?)\]?(?::(\d+))?$/.exec(entry.split(':').length > 2 && !entry.startsWith('[') ? `[${entry}]` : entry);
      const bare = name.replace(/^\*?\./, '').toLowerCase();
      return bare && (!own || own === at) && (bare === '*' || host === bare || host.endsWith('.' + bare));
    });
    return past ? '' : proxy;
  }

  // undici's connector: a socket to the target, through CONNECT, with TLS on it for https.
  function connect({hostname, protocol, port, servername}, callback) {
    const net = require('node:net'), at = port || (protocol === 'https:' ? 443 : 80);
    const proxy = new URL(proxyOf(new URL(`${protocol}//${hostname}:${at}`)));
    const target = `${hostname}:${at}`, headers = {host: target};
    if (proxy.username) headers['proxy-authorization'] = 'Basic ' + Buffer.from(decodeURIComponent(`${proxy.username}:${proxy.password}`)).toString('base64');
    const secure = proxy.protocol === 'https:' ? 'node:https' : 'node:http';
    require(secure).request({host: proxy.hostname, port: proxy.port, method: 'CONNECT', path: target, headers, agent: false})
      .on('error', callback)
      .on('connect', (answer, socket, head) => {
        if (answer.statusCode !== 200) {
          socket.destroy();
          return callback(new Error(`${proxy.host} answered ${answer.statusCode}: ${head.toString().trim() || answer.statusMessage}`));
        }
        socket.setNoDelay(true).setKeepAlive(true, 60e3);
        if (protocol !== 'https:') return callback(null, socket);
        const host = hostname.replace(/^\[|\]$/g, '');
        const tls = require('node:tls').connect({socket, servername: servername || (net.isIP(host) ? '' : host), host, ALPNProtocols: ['http/1.1']});
        tls.once('error', callback).once('secureConnect', () => {
          tls.off('error', callback);
          callback(null, tls);
        });
      })
      .end();
  }
} catch { /* node as it is */ }

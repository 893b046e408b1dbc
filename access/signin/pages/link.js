// The secret of a link stands behind the # of the address, which browsers send to no server. It is moved into the form,
// and taken out of the address and the history.
"use strict";
const secret = location.hash.slice(1);
const field = document.getElementById("token");
if (secret && field) {
  field.value = secret;
  history.replaceState(null, "", location.pathname + location.search);
  document.getElementById("paste").hidden = true;
}

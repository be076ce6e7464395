// Pointing at a stage in the drawing brings out the edges that touch it. Without it the page loses nothing else.
document.querySelectorAll('.gp-dag').forEach(function (dag) {
  dag.querySelectorAll('.n').forEach(function (stage) {
    var id = stage.dataset.stage;
    function mark(on) {
      dag.querySelectorAll('.l').forEach(function (edge) {
        if (edge.dataset.from === id || edge.dataset.to === id) edge.classList.toggle('hot', on);
      });
    }
    stage.addEventListener('pointerenter', function () { mark(true); });
    stage.addEventListener('pointerleave', function () { mark(false); });
  });
});

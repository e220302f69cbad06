rule analyse:
    input:
        fits("simulation.npz"),
        fits("model.json"),
        fits("history.parquet"),
        stitching="results/{run}/stitching.parquet",
        config=ancient("results/{run}/config.yaml"),
    output:
        "results/{run}/tables/scores.parquet",
    log:
        "results/{run}/logs/analyse.log",
    resources:
        mem_mb=3000,
        runtime=60,
    params:
        code=code("analysis", "trials/features.py", "trials/simulation.py"),
        section=section("features", "analysis"),
    shell:
        "spiketwin analyse --config {input.config} > {log} 2>&1"

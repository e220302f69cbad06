rule fit:
    """One model with one seed; resumes from its checkpoint when it was interrupted."""
    input:
        stitching="results/{run}/stitching.parquet",
        config=ancient("results/{run}/config.yaml"),
    output:
        multiext(
            "results/{run}/fits/{model}/seed-{seed}/model", ".safetensors", ".json"
        ),
        history="results/{run}/fits/{model}/seed-{seed}/history.parquet",
    log:
        "results/{run}/logs/fit/{model}/seed-{seed}.log",
    benchmark:
        "results/{run}/logs/fit/{model}/seed-{seed}.tsv"
    retries: 1
    threads: 1
    resources:
        mem_mb=3000,
        runtime=240,
    params:
        code=code("network", "losses", "learning", "trials/features.py"),
        section=section("features"),
        model=model_section,
    shell:
        "spiketwin fit --config {input.config} --model {wildcards.model} --seed {wildcards.seed}"
        " --threads {threads} > {log} 2>&1"


rule simulate:
    input:
        "results/{run}/fits/{model}/seed-{seed}/model.safetensors",
        "results/{run}/fits/{model}/seed-{seed}/model.json",
        stitching="results/{run}/stitching.parquet",
        config=ancient("results/{run}/config.yaml"),
    output:
        "results/{run}/fits/{model}/seed-{seed}/simulation.npz",
        perturbed=perturbed(),
    log:
        "results/{run}/logs/simulate/{model}/seed-{seed}.log",
    threads: 1
    resources:
        mem_mb=3000,
        runtime=30,
    params:
        code=code("network", "simulate", "trials/simulation.py"),
        trials=CONFIG.analysis.simulated_trials,
        nwb=CONFIG.analysis.simulation_nwb,
        perturbations=[p.model_dump_json() for p in CONFIG.analysis.perturbations],
    shell:
        "spiketwin simulate --config {input.config} --model {wildcards.model}"
        " --seed {wildcards.seed} --threads {threads} > {log} 2>&1"

# Completion of the command lines of gm's programs for bash. Use it with: source launch/completion.bash
# Generated: tests/style/check_generated.py --fix
# shellcheck shell=bash

# _gm_complete WORDS [NAME CHOICES]...: completes the word at the cursor. After `NAME ` or `NAME=` it offers the CHOICES.
_gm_complete() {
  local line=${COMP_LINE:0:COMP_POINT} words=$1 name=""
  local word=${line##* }
  shift
  if [[ $word == *=* ]]; then
    name=${word%%=*} word=${word#*=} words=""
  elif [[ ${COMP_WORDS[COMP_CWORD - 1]} == -* ]]; then
    name=${COMP_WORDS[COMP_CWORD - 1]}
  fi
  while [ $# -gt 0 ]; do
    [ "$1" != "$name" ] || words=$2
    shift 2
  done
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
  [[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace 2>/dev/null
}

_gm_data() {
  case ${COMP_WORDS[1]} in
  pack)
  _gm_complete '-h --help -o --out --size --fit --classes --shards --holdout -j --jobs --background --grey --skip-bad' \
    -o '' \
    --out '' \
    --size '' \
    --fit 'crop pad squash' \
    --classes '' \
    --shards '' \
    --holdout '' \
    -j '' \
    --jobs '' \
    --background ''
  ;;
  info)
  _gm_complete '-h --help --json'
  ;;
  verify)
  _gm_complete '-h --help'
  ;;
  manifest)
  _gm_complete '-h --help'
  ;;
  masks)
  _gm_complete '-h --help -o --out --count run.dir= run.task= run.seed= run.device= data.path= data.classes= data.image_size= data.fit= data.holdout= data.shards= data.flip= data.resize_crop= data.prefetch= data.cache= mask.kind= mask.coverage_min= mask.coverage_max= mask.path=' \
    -o '' \
    --out '' \
    --count '' \
    run.task 'ddpm inpaint gan_inpaint' \
    run.device 'auto cpu cuda' \
    data.fit 'crop pad squash' \
    mask.kind 'rectangle boxes strokes half centre pixels mixed files'
  ;;
  *)
  _gm_complete 'pack info verify manifest masks -h --help --version'
  ;;
  esac
}
complete -o default -o bashdefault -F _gm_data gm_data

_gm_train() {
  _gm_complete '-h --help --version --help-config --train_steps --time_steps --save_folder --data_path --load_path --data_class --image_size --batch_size --learning_rate --unet_dim --save_and_sample_every --unet_dim_mults --resume --dataloader_workers --train --visualize --fid --print run.dir= run.task= run.seed= run.device= data.path= data.classes= data.image_size= data.fit= data.holdout= data.shards= data.flip= data.resize_crop= data.prefetch= data.cache= mask.kind= mask.coverage_min= mask.coverage_max= mask.path= gan.loss= gan.lambda= gan.l1= gan.feature_matching= gan.r1= gan.r1_every= gan.dim= gan.patch= gan.spectral_norm= gan.discriminator_lr_scale= model.kind= model.dim= model.dim_mults= model.weights= diffusion.steps= diffusion.schedule= diffusion.clamp= diffusion.condition= diffusion.label_dropout= diffusion.prediction= diffusion.loss= diffusion.loss_weight= diffusion.min_snr_gamma= sampler.kind= sampler.steps= sampler.eta= sampler.class= sampler.guidance= repaint.jump_length= repaint.resamplings= train.steps= train.batch_size= train.accumulate= train.precision= train.reducer= train.max_nonfinite= train.verify_ranks_every= optimizer.learning_rate= optimizer.beta1= optimizer.beta2= optimizer.epsilon= optimizer.warmup_steps= optimizer.schedule= optimizer.clip_norm= ema.half_life_images= ema.ramp= checkpoint.every= checkpoint.keep= checkpoint.keep_best= sample.every= sample.count= sample.batch_size= sample.weights= evaluate.every= evaluate.metrics= evaluate.count= evaluate.batch_size= evaluate.seed= evaluate.samples= evaluate.extractor= evaluate.extractor_file= telemetry.port= telemetry.address= telemetry.discovery= telemetry.log_every_seconds= profile.steps= watchdog.start_seconds= watchdog.step_seconds= watchdog.data_seconds= watchdog.reduction_seconds= watchdog.sampling_seconds= watchdog.evaluation_seconds= watchdog.checkpoint_seconds= watchdog.end_seconds=' \
    --train_steps '' \
    --time_steps '' \
    --save_folder '' \
    --data_path '' \
    --load_path '' \
    --data_class '' \
    --image_size '' \
    --batch_size '' \
    --learning_rate '' \
    --unet_dim '' \
    --save_and_sample_every '' \
    --unet_dim_mults '' \
    --resume '' \
    --dataloader_workers '' \
    --print '' \
    run.task 'ddpm inpaint gan_inpaint' \
    run.device 'auto cpu cuda' \
    data.fit 'crop pad squash' \
    mask.kind 'rectangle boxes strokes half centre pixels mixed files' \
    gan.loss 'minimax non_saturating hinge least_squares' \
    model.kind 'unet' \
    diffusion.schedule 'cosine linear sigmoid' \
    diffusion.condition 'none inpaint class' \
    diffusion.prediction 'noise x0 velocity' \
    diffusion.loss 'l1 l2 huber' \
    diffusion.loss_weight 'uniform min_snr' \
    sampler.kind 'ancestral ddim dpm++' \
    train.precision 'float32' \
    train.reducer 'bucketed naive' \
    optimizer.schedule 'constant cosine' \
    sample.weights 'ema model' \
    evaluate.extractor 'lite0 inception random'
}
complete -o default -o bashdefault -F _gm_train gm_train

_gm_sample() {
  _gm_complete '-h --help --count --seed --interpolate --rows --steps --sampler --class --guidance --inpaint --mask --out --images --trajectory --weights --step --batch --version mask.kind= mask.coverage_min= mask.coverage_max= mask.path= sampler.kind= sampler.steps= sampler.eta= sampler.class= sampler.guidance= repaint.jump_length= repaint.resamplings= watchdog.start_seconds= watchdog.step_seconds= watchdog.data_seconds= watchdog.reduction_seconds= watchdog.sampling_seconds= watchdog.evaluation_seconds= watchdog.checkpoint_seconds= watchdog.end_seconds=' \
    --count '' \
    --seed '' \
    --interpolate '' \
    --rows '' \
    --steps '' \
    --sampler 'ancestral ddim dpm++' \
    --class '' \
    --guidance '' \
    --inpaint '' \
    --mask '' \
    --out '' \
    --images '' \
    --trajectory '' \
    --weights 'ema model' \
    --step '' \
    --batch '' \
    mask.kind 'rectangle boxes strokes half centre pixels mixed files' \
    sampler.kind 'ancestral ddim dpm++'
}
complete -o default -o bashdefault -F _gm_sample gm_sample

_gm_eval() {
  _gm_complete '-h --help --data --part --mask --count --metric --samples --seeds --against --trust --weights --step --json --image --version mask.kind= mask.coverage_min= mask.coverage_max= mask.path= sampler.kind= sampler.steps= sampler.eta= sampler.class= sampler.guidance= repaint.jump_length= repaint.resamplings= evaluate.every= evaluate.metrics= evaluate.count= evaluate.batch_size= evaluate.seed= evaluate.samples= evaluate.extractor= evaluate.extractor_file= watchdog.start_seconds= watchdog.step_seconds= watchdog.data_seconds= watchdog.reduction_seconds= watchdog.sampling_seconds= watchdog.evaluation_seconds= watchdog.checkpoint_seconds= watchdog.end_seconds=' \
    --data '' \
    --part 'held_out training all' \
    --mask '' \
    --count '' \
    --metric '' \
    --samples '' \
    --seeds '' \
    --against '' \
    --trust '' \
    --weights 'ema model' \
    --step '' \
    --json '' \
    --image '' \
    mask.kind 'rectangle boxes strokes half centre pixels mixed files' \
    sampler.kind 'ancestral ddim dpm++' \
    evaluate.extractor 'lite0 inception random'
}
complete -o default -o bashdefault -F _gm_eval gm_eval

_gm_report() {
  _gm_complete '-h --help --out --version' \
    --out ''
}
complete -o default -o bashdefault -F _gm_report gm_report

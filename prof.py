import sys; sys.path.insert(0,'/tmp/w/tmp-depth')
from thread import *
import cProfile,pstats
steps=net(); rates=np.geomspace(1e-3,1,7)
def grad(p,rows,rng):
    h,v=forward(deep(steps,unflatten_params(p)),X[rows])
    loss,g=cross_entropy(h[-1],Y[rows])
    return loss,flatten_params(backward(v,g).p)
p=tile_params(flatten_params(start(steps,1.2,0)),(7,))
pr=cProfile.Profile(); t=time.process_time(); pr.enable()
train(p,grad,GradientDescent(rates),np.random.default_rng(0),n=len(X),size=32,epochs=3)
pr.disable(); print(time.process_time()-t)
pstats.Stats(pr).sort_stats('tottime').print_stats(22)
